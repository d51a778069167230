"""What the scripts share that hold training against PyTorch: the module of a network, and the recipe."""

import importlib.util
import math
import subprocess

import torch


def load(nas, study, seed, folder):
    """The network of a study's first trial as `nas export` writes it, with weights of a seed of its own."""
    path = folder / f"m{seed}.py"
    command = [nas, "export", study, "--trial", "0", "--format", "pytorch", "--seed", 1000 + seed, "--out", path, "--quiet"]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)
    spec = importlib.util.spec_from_file_location(f"m{seed}", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.load()


def train(model, loss_of, examples, seed, *, epochs, batch, rate, decay):
    """AdamW, a cosine to 0 step by step, every epoch in an order of its own; `loss_of(rows)` is the loss of a batch."""
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
