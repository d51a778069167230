"""Trains one language model with `nas` and with PyTorch, by the same recipe, on the same windows of the same text.

    python references/language_training.py target/release/nas tinyshakespeare.txt [--characters 100000] [--seeds 3]

PyTorch trains the module that `nas export` writes, from other initial weights and with another order of batches. So the
two should agree in the mean over seeds, within the spread of the seeds.
"""

import argparse
import json
import pathlib
import statistics
import subprocess
import tempfile

import torch
import torch.nn.functional as F
from pytorch_training import load, train

CONTEXT, BATCH, EPOCHS, RATE, DECAY = 64, 16, 5, 0.003, 0.01
# Two layers of GPT-2.
MODEL = (
    "layers=2,width=64,head_size=16,gated=no,activation=gelu,norm=layer,norm_place=pre,positions=learned,tied=yes,"
    "bias=yes,heads=4,queries_per_key=1,ratio=4,window=all,experts=1"
)
SPACE = ["space.layers=[1,2]", "space.widths=[32,64]", "space.head_sizes=[16,32]", f"space.fix={MODEL}"]


def search(nas, text, seed, study):
    sets = SPACE + [
        f"evaluator.context={CONTEXT}",
        f"evaluator.batch_size={BATCH}",
        f"evaluator.epochs={EPOCHS}",
        f"evaluator.learning_rate={RATE}",
        f"evaluator.weight_decay={DECAY}",
    ]
    command = [nas, "search", "--space", "decoder-lm", "--strategy", "random-search", "--data", text, "--trials", "1"]
    command += ["--seed", str(seed), "--study", study, "--json", "--quiet"]
    for setting in sets:
        command += ["--set", setting]
    return json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


def windows(tokens):
    count = (len(tokens) - 1) // CONTEXT
    inputs = tokens[: count * CONTEXT].view(count, CONTEXT)
    return inputs, tokens[1 : count * CONTEXT + 1].view(count, CONTEXT)


def loss_of(model, inputs, targets):
    return F.cross_entropy(model(inputs).flatten(0, 1), targets.flatten())


def trained(model, parts, seed):
    (inputs, targets), validation = parts
    of_rows = lambda rows: loss_of(model, inputs[rows], targets[rows])
    train(model, of_rows, len(inputs), seed, epochs=EPOCHS, batch=BATCH, rate=RATE, decay=DECAY)
    with torch.no_grad():
        return loss_of(model, *validation).item()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("nas")
    parser.add_argument("text")
    parser.add_argument("--characters", type=int, default=100_000)
    parser.add_argument("--seeds", type=int, default=3)
    options = parser.parse_args()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        text = pathlib.Path(options.text).read_text()[: options.characters]
        (folder / "part.txt").write_text(text)
        tokens = {character: token for token, character in enumerate(sorted(set(text)))}
        tokens = torch.tensor([tokens[character] for character in text])
        fifth = round(len(tokens) * 0.2)
        parts = [windows(tokens[: -2 * fifth]), windows(tokens[-2 * fifth : -fifth])]
        ours, theirs = [], []
        for seed in range(options.seeds):
            study = str(folder / f"{seed}.study")
            found = search(options.nas, str(folder / "part.txt"), seed, study)
            ours.append(found["best"]["metrics"]["val_loss"])
            theirs.append(trained(load(options.nas, study, seed, folder), parts, seed))
            print(f"seed {seed}: nas {ours[-1]:.4f}, PyTorch {theirs[-1]:.4f}", flush=True)
    for name, losses in (("nas", ours), ("PyTorch", theirs)):
        spread = statistics.stdev(losses) if len(losses) > 1 else 0
        print(f"{name:8} {statistics.mean(losses):.4f} ± {spread:.4f} nats a character")


main()
