"""Trains one image network with `nas` and with PyTorch, by the same recipe, on the same images, and tests both.

    python benches/image_reference.py target/release/nas DATA/fashion-mnist [--epochs 10] [--seeds 0 1 2] [--results FILE]

The network is the best cell of NAS-Bench-201, 16 channels, one cell a stage. PyTorch trains the module that `nas export` writes,
from weights of other seeds; the batches come in another order. So the two agree in the mean over seeds, up to what seeds do. Each
training takes one thread. FILE gets a line for each training that has ended, and what it has already is not trained again.
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
# 94.37 % on CIFAR-10 (Dong & Yang 2020), the best of the benchmark.
CELL = {
    "op_0_1": "nor_conv_3x3",
    "op_0_2": "nor_conv_3x3",
    "op_1_2": "nor_conv_3x3",
    "op_0_3": "skip_connect",
    "op_1_3": "nor_conv_3x3",
    "op_2_3": "nor_conv_3x3",
}


def run(nas, *words):
    done = subprocess.run([str(word) for word in (nas, *words)], check=True, capture_output=True, text=True)
    return done.stdout


def study(nas, data, seed, folder):
    """A study that knows the network; its one trial is trained on next to nothing."""
    path = folder / f"{seed}.study"
    if path.exists():
        return path
    sets = ["space.fix=" + ",".join(f"{edge}={op}" for edge, op in CELL.items()), "task.channels=16", "task.cells=1"]
    sets += ["evaluator.epochs=1", "evaluator.train_limit=64", "evaluator.validation_limit=64"]
    sets += [f"evaluator.batch_size={BATCH}", f"evaluator.learning_rate={RATE}", f"evaluator.weight_decay={DECAY}"]
    words = ["search", "--space", "nas-bench-201", "--strategy", "random-search", "--data", data, "--trials", 1]
    words += ["--seed", seed, "--study", path, "--quiet"]
    for setting in sets:
        words += ["--set", setting]
    run(nas, *words)
    return path


def ours(nas, data, seed, epochs, folder):
    words = ["train", study(nas, data, seed, folder), "--epochs", epochs, "--out", folder / f"{seed}", "--json", "--quiet"]
    words += ["--set", "evaluator.train_limit=0", "--set", "evaluator.validation_limit=0"]
    return json.loads(run(nas, *words))["metrics"]["test_accuracy"]


def images(data, part):
    """Images of N, 1, 28, 28 in [0, 1], and their classes."""
    pixels = gzip.decompress((data / f"{part}-images-idx3-ubyte.gz").read_bytes())[16:]
    classes = gzip.decompress((data / f"{part}-labels-idx1-ubyte.gz").read_bytes())[8:]
    classes = torch.from_numpy(numpy.frombuffer(classes, numpy.uint8).astype(numpy.int64))
    pixels = numpy.frombuffer(pixels, numpy.uint8).astype(numpy.float32).reshape(len(classes), 1, 28, 28)
    return torch.from_numpy(pixels / 255), classes


def theirs(nas, data, seed, epochs, folder):
    model = load(nas, study(nas, data, seed, folder), seed, folder)
    (inputs, targets), (tests, wanted) = images(data, "train"), images(data, "t10k")
    mean, deviation = inputs.mean(), inputs.std(correction=0)
    inputs, tests = (inputs - mean) / deviation, (tests - mean) / deviation
    loss_of = lambda rows: F.cross_entropy(model(inputs[rows]), targets[rows])
    train(model, loss_of, len(inputs), seed, epochs=epochs, batch=BATCH, rate=RATE, decay=DECAY)
    with torch.no_grad():
        found = torch.cat([model(part).argmax(1) for part in tests.split(500)])
    return (found == wanted).float().mean().item()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nas", type=pathlib.Path)
    parser.add_argument("data", type=pathlib.Path)
    parser.add_argument("--epochs", type=int, default=10)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--only", choices=["nas", "PyTorch"], help="the other one is not trained")
    parser.add_argument("--results", type=pathlib.Path)
    given = parser.parse_args()
    torch.set_num_threads(1)
    kept = given.results.read_text().splitlines() if given.results and given.results.exists() else []
    found = {tuple(key): accuracy for key, accuracy in map(json.loads, kept)}
    with tempfile.TemporaryDirectory() as folder:
        for seed in given.seeds:
            for program, accuracy in (("nas", ours), ("PyTorch", theirs)):
                key = (program, seed, given.epochs)
                if key in found or given.only not in (None, program):
                    continue
                found[key] = accuracy(given.nas.resolve(), given.data, seed, given.epochs, pathlib.Path(folder))
                print(f"{program}, seed {seed}: test accuracy {found[key]:.4f}", flush=True)
                if given.results:
                    with given.results.open("a") as file:
                        file.write(json.dumps([key, found[key]]) + "\n")
    for program in ("nas", "PyTorch"):
        accuracies = [accuracy for (name, _, epochs), accuracy in found.items() if (name, epochs) == (program, given.epochs)]
        if accuracies:
            spread = statistics.stdev(accuracies) if len(accuracies) > 1 else 0
            print(f"{program:8} {statistics.mean(accuracies):.4f} ± {spread:.4f}, {len(accuracies)} seeds")


main()
