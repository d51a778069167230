"""Trains one image network with `nas` and with PyTorch, by the same recipe, on the same images, and tests both.

    python references/image_training.py target/release/nas DATA/fashion-mnist [--epochs 10] [--seeds 0 1 2]
        [--results FILE]

The network is the best cell of NAS-Bench-201, with 16 channels and one cell per stage. PyTorch trains the module that
`nas export` writes, from other initial weights and with another order of batches. So the two should agree in the mean
over seeds, within the spread of the seeds. Each training uses one thread. A finished training is a line in FILE, and is
not run again.
"""

import argparse
import gzip
import json
import pathlib
import statistics
import subprocess
import tempfile

import numpy
import torch
import torch.nn.functional as F
from pytorch_training import load, train

BATCH, RATE, DECAY = 64, 0.003, 0.01
# The best cell of the benchmark: 94.37 % on CIFAR-10 (Dong & Yang 2020).
CELL = {
    "op_0_1": "nor_conv_3x3",
    "op_0_2": "nor_conv_3x3",
    "op_1_2": "nor_conv_3x3",
    "op_0_3": "skip_connect",
    "op_1_3": "nor_conv_3x3",
    "op_2_3": "nor_conv_3x3",
}


def run(nas, *arguments):
    command = [str(argument) for argument in (nas, *arguments)]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def study(nas, data, seed, folder):
    """Returns a study with the network as its only trial, which is trained on very few images."""
    path = folder / f"{seed}.study"
    if path.exists():
        return path
    sets = ["space.fix=" + ",".join(f"{edge}={op}" for edge, op in CELL.items()), "task.channels=16", "task.cells=1"]
    sets += ["evaluator.epochs=1", "evaluator.train_limit=64", "evaluator.validation_limit=64"]
    sets += [f"evaluator.batch_size={BATCH}", f"evaluator.learning_rate={RATE}", f"evaluator.weight_decay={DECAY}"]
    arguments = ["search", "--space", "nas-bench-201", "--strategy", "random-search", "--data", data, "--trials", 1]
    arguments += ["--seed", seed, "--study", path, "--quiet"]
    for setting in sets:
        arguments += ["--set", setting]
    run(nas, *arguments)
    return path


def ours(nas, data, seed, epochs, folder):
    arguments = ["train", study(nas, data, seed, folder), "--epochs", epochs, "--out", folder / f"{seed}", "--json"]
    arguments += ["--quiet", "--set", "evaluator.train_limit=0", "--set", "evaluator.validation_limit=0"]
    return json.loads(run(nas, *arguments))["metrics"]["test_accuracy"]


def images(data, part):
    """Returns images of shape (N, 1, 28, 28) in [0, 1] and their classes."""
    pixels = gzip.decompress((data / f"{part}-images-idx3-ubyte.gz").read_bytes())[16:]
    classes = gzip.decompress((data / f"{part}-labels-idx1-ubyte.gz").read_bytes())[8:]
    classes = torch.from_numpy(numpy.frombuffer(classes, numpy.uint8).astype(numpy.int64))
    pixels = numpy.frombuffer(pixels, numpy.uint8).astype(numpy.float32).reshape(len(classes), 1, 28, 28)
    return torch.from_numpy(pixels / 255), classes


def theirs(nas, data, seed, epochs, folder):
    model = load(nas, study(nas, data, seed, folder), seed, folder)
    (inputs, targets), (tests, classes) = images(data, "train"), images(data, "t10k")
    mean, deviation = inputs.mean(), inputs.std(correction=0)
    inputs, tests = (inputs - mean) / deviation, (tests - mean) / deviation
    loss_of = lambda rows: F.cross_entropy(model(inputs[rows]), targets[rows])
    train(model, loss_of, len(inputs), seed, epochs=epochs, batch=BATCH, rate=RATE, decay=DECAY)
    with torch.no_grad():
        predicted = torch.cat([model(part).argmax(1) for part in tests.split(500)])
    return (predicted == classes).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nas", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", choices=["nas", "PyTorch"], help="train only with this program")
    parser.add_argument("--results", type=pathlib.Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    lines = options.results.read_text().splitlines() if options.results and options.results.exists() else []
    found = {tuple(key): accuracy for key, accuracy in map(json.loads, lines)}
    with tempfile.TemporaryDirectory() as folder:
        for seed in options.seeds:
            for program, accuracy in (("nas", ours), ("PyTorch", theirs)):
                key = (program, seed, options.epochs)
                if key in found or options.only not in (None, program):
                    continue
                found[key] = accuracy(options.nas.resolve(), options.data, seed, options.epochs, pathlib.Path(folder))
                print(f"{program}, seed {seed}: test accuracy {found[key]:.4f}", flush=True)
                if options.results:
                    with options.results.open("a") as file:
                        file.write(json.dumps([key, found[key]]) + "\n")
    for program in ("nas", "PyTorch"):
        wanted = (program, options.epochs)
        accuracies = [accuracy for (name, _, epochs), accuracy in found.items() if (name, epochs) == wanted]
        if accuracies:
            spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0
            print(f"{program:8} {statistics.mean(accuracies):.4f} ± {spread:.4f}, {len(accuracies)} seeds")


main()
