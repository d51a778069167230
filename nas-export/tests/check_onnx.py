"""Checks exported networks with other programs: onnx, onnxruntime and, where it is installed, PyTorch.

    python check_onnx.py FOLDER

FOLDER holds `manifest.json`, a list of networks (written by `onnx.rs`, which also says what a row means). Every ONNX file
must pass onnx's full check, keep its output shapes for batches of 1 and more, and compute what burn and PyTorch compute.
One line for each network that does not; a summary; exit code 1 where there was one.
"""

import importlib.util
import json
import sys
from pathlib import Path

import numpy as np
import onnx
import onnxruntime

try:
    import torch
except ImportError as missing:
    torch = None
    print(f"skipped: PyTorch is not compared ({missing})")

TOLERANCE = 1e-4


def session(path):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def pytorch(path, inputs):
    spec = importlib.util.spec_from_file_location("exported", path)
    module = importlib.util.module_from_spec(spec)
    sys.dont_write_bytecode = True
    spec.loader.exec_module(module)
    network = module.load()
    with torch.no_grad():
        outputs = network(torch.from_numpy(inputs))
    return [output.numpy() for output in (outputs if isinstance(outputs, tuple) else (outputs,))]


def difference(found, expected):
    """The greatest difference, in units of the greatest number that is expected."""
    found, expected = found.reshape(-1).astype(np.float64), expected.reshape(-1).astype(np.float64)
    if found.shape != expected.shape or not np.isfinite(expected).all():
        return float("inf")
    # Below the floor all numbers are 0 but for rounding.
    return float(np.abs(found - expected).max(initial=0.0) / max(1e-6, np.abs(expected).max(initial=0.0)))


def check(folder, row, worst):
    path = folder / row["onnx"]
    onnx.checker.check_model(str(path), full_check=True)
    runtime = session(path)
    kind = np.int64 if runtime.get_inputs()[0].type == "tensor(int64)" else np.float32
    inputs = np.fromfile(folder / row["input"], np.float32).reshape([row["batch"], *row["input_shape"]])
    name = runtime.get_inputs()[0].name
    outputs = runtime.run(None, {name: inputs.astype(kind)})
    for output, shape in zip(outputs, row["output_shapes"], strict=True):
        assert list(output.shape) == [row["batch"], *shape], f"gives {output.shape}, not {shape} for each example"
    alone = runtime.run(None, {name: inputs[:1].astype(kind)})
    for output in outputs:
        assert np.isfinite(output).all(), "computes numbers that are not finite, which compare with nothing"
    errors = {"batch of 1": max(difference(a, b[:1]) for a, b in zip(alone, outputs, strict=True))}
    again = session(folder / row["again"])
    returned = again.run(None, {again.get_inputs()[0].name: inputs.astype(kind)})
    errors["itself, imported and exported again"] = max(difference(a, b) for a, b in zip(returned, outputs, strict=True))
    if row["burn"] is not None:
        errors["burn"] = difference(outputs[0], np.fromfile(folder / row["burn"], np.float32))
    if torch is not None:
        expected = pytorch(folder / row["module"], inputs)
        errors["PyTorch"] = max(difference(a, b) for a, b in zip(outputs, expected, strict=True))
    for other, error in errors.items():
        count, greatest = worst.get(other, (0, 0.0))
        worst[other] = (count + 1, max(greatest, error))
        assert error <= row.get("tolerance", TOLERANCE), f"differs from {other} by {error:.1e}"


def main():
    folder = Path(sys.argv[1])
    rows = json.loads((folder / "manifest.json").read_text())
    worst, failures = {}, 0
    for row in rows:
        try:
            check(folder, row, worst)
        except Exception as error:  # noqa: BLE001: any error is this network's
            failures += 1
            print(f"FAILED {row['name']}: {type(error).__name__}: {error}")
    against = ", ".join(f"{other} ({count} times, at most {error:.1e} apart)" for other, (count, error) in worst.items())
    print(f"{len(rows)} networks, {failures} failed; onnx {onnx.__version__}, onnxruntime {onnxruntime.__version__}")
    print(f"compared with {against}")
    return 1 if failures or not rows else 0


if __name__ == "__main__":
    sys.exit(main())
