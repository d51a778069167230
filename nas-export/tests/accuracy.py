"""Prints the share of images that an exported network classifies correctly.

    python accuracy.py NETWORK.onnx IMAGES LABELS

IMAGES and LABELS are idx files. Inputs are scaled by the mean and deviation in the file's metadata, which come from
`nas train`.
"""

import sys
from pathlib import Path

import numpy as np
import onnxruntime


def idx(path):
    data = Path(path).read_bytes()
    axes = data[3]
    shape = np.frombuffer(data, ">u4", axes, 4)
    return np.frombuffer(data, np.uint8, offset=4 + 4 * axes).reshape(shape)


def main(network, images, labels):
    session = onnxruntime.InferenceSession(network, providers=["CPUExecutionProvider"])
    about = session.get_modelmeta().custom_metadata_map
    mean, std = (np.float32(about[name].split(",")).reshape(1, -1, 1, 1) for name in ("input_mean", "input_std"))
    inputs = (idx(images).astype(np.float32)[:, None] - mean) / std
    outputs = session.run(None, {session.get_inputs()[0].name: inputs})[0].reshape(len(inputs), -1)
    print(np.mean(outputs.argmax(axis=1) == idx(labels)))


if __name__ == "__main__":
    main(*sys.argv[1:])
