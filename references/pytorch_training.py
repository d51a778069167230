"""Loads exported networks and trains them with PyTorch, for the scripts that compare training."""

import importlib.util
import math
import subprocess

import torch


def load(nas, study, seed, folder):
    """Exports the network of a study's first trial, with weights of another seed than the study's, and loads it."""
    path = folder / f"m{seed}.py"
    command = [nas, "export", study, "--trial", "0", "--format", "pytorch", "--seed", 1000 + seed, "--out", path]
    subprocess.run([*map(str, command), "--quiet"], check=True, capture_output=True)
    spec = importlib.util.spec_from_file_location(f"m{seed}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


def train(model, loss_of, examples, seed, *, epochs, batch, rate, decay):
    """Trains with AdamW and a cosine schedule to 0, with shuffled epochs; `loss_of(rows)` is the loss of a batch."""
    torch.manual_seed(seed)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=decay)
    steps = math.ceil(examples / batch)
    model.train()
    for step in range(epochs * steps):
        if step % steps == 0:
            order = torch.randperm(examples)
        rows = order[step % steps * batch :][:batch]
        for group in optimizer.param_groups:
            group["lr"] = rate * 0.5 * (1 + math.cos(math.pi * step / (epochs * steps)))
        optimizer.zero_grad()
        loss_of(rows).backward()
        optimizer.step()
    model.eval()
