#!/usr/bin/env python3
"""Checks everything that needs a GPU; docs/gpu-checks.md describes the checks.

    NAS_DATA=FOLDER python3 benches/gpu_checks.py [--seconds 480] [--only NAME,NAME] [--out target/gpu-checks.md]

Needs a release build of `nas`, the CUDA library (`cargo xtask cuda`) and no Python packages. If PyTorch is installed,
its speed is compared. Each check ends as PASS, FAIL or SKIPPED (with the reason), and the table with the figures is
written as Markdown. The exit code is 1 if a check fails. Without a GPU, the checks that need one are skipped.
"""

import argparse
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from gpu_measuring import (
    BATCH, CELLS, Failed, Machine, Memory, Skipped, last_line, measured, network_of, refused, torch_steps,
)

ROOT = Path(__file__).resolve().parent.parent
# The accepted difference between two devices in the mean accuracy of the same networks.
TOLERANCE = 0.02
# The accepted difference in the test accuracy of one network.
TOLERANCE_OF_ONE = 0.05
DIGITS = ["--data", "digits", "--set", "evaluator.epochs=5", "--set", "task.channels=16", "--trials", "6"]
OUT_OF_MEMORY = """
name = "one-wide-layer"
version = "1"
description = "The second network needs more memory than any GPU has: 69 GB for each value of its layer."

[[decision]]
name = "channels"
choices = [8, 16384, 16]

[[layer]]
op = "Conv"
out_channels = "$channels"
kernel_shape = 3
pads = "same"

[[layer]]
op = "Relu"

[[layer]]
op = "GlobalAveragePool"

[[layer]]
op = "Flatten"

[[layer]]
op = "Gemm"
out_features = "$outputs"
"""


def built_in(machine):
    """The built-in evaluator refuses a GPU."""
    study = machine.study("refused")
    arguments = ["search", "--space", "mlp", "--strategy", "random-search", "--trials", "1", "--study", study]
    ended = machine.run([*arguments, "--device", "cuda:0"])
    return refused(ended, "'device' is cuda:0", "cargo xtask cuda")


def missing_gpu(machine):
    """The CUDA library refuses to run if no GPU is visible."""
    study = machine.study("refused")
    arguments = ["search", "--space", "mlp", "--strategy", "random-search", "--trials", "1", "--study", study]
    ended = machine.run([*arguments, "--evaluator", machine.library], {"CUDA_VISIBLE_DEVICES": ""})
    return refused(ended, "'device' is cuda:0, but", "--device cpu")


def missing_device(machine):
    """The CUDA library refuses a number that no GPU has."""
    study = machine.study("refused")
    arguments = ["search", "--space", "mlp", "--strategy", "random-search", "--trials", "1", "--study", study]
    ended = machine.run([*arguments, "--evaluator", machine.library, "--device", "cuda:99"])
    return refused(ended, "'device' is cuda:99, but", "this machine has")


def near(one, other, of_one, of_other):
    """Checks that the same networks with the same seeds have nearly the same mean accuracy in two runs."""
    if [trial["genotype"] for trial in one] != [trial["genotype"] for trial in other]:
        raise Failed("the two runs trained different networks")
    pairs = list(zip(*([trial["metrics"]["val_accuracy"] for trial in trials] for trials in (one, other))))
    means = [statistics.mean(values) for values in zip(*pairs)]
    greatest = max(abs(one - other) for one, other in pairs)
    figures = f"mean of {len(pairs)} networks {means[0]:.4f} {of_one}, {means[1]:.4f} {of_other}; "
    figures += f"greatest difference {greatest:.4f}"
    if abs(means[0] - means[1]) > TOLERANCE:
        raise Failed(f"{figures}; the means may differ by {TOLERANCE}")
    return figures


def on_cpu(machine, name, arguments):
    workers = ["--workers", str(min(4, os.cpu_count() or 1))]
    return measured(machine.search(f"{name}-cpu", "cpu", [*arguments, *workers]))


def on_device(machine, name, arguments):
    return measured(machine.search(f"{name}-device", machine.device, [*arguments, "--workers", "2"]))


def compared(machine, name, arguments):
    pair = on_cpu(machine, name, arguments), on_device(machine, name, arguments)
    return near(*pair, "on the CPU", f"on {machine.device}")


def accuracy_digits(machine):
    return compared(machine, "digits", [*CELLS, *DIGITS])


def accuracy_fashion(machine):
    if not machine.fashion:
        raise Skipped("NAS_DATA has no folder fashion-mnist")
    limits = ["--set", "evaluator.train_limit=4000", "--set", "evaluator.validation_limit=2000"]
    data = ["--data", str(machine.fashion), *limits, "--set", "evaluator.epochs=3", "--set", "task.channels=8"]
    return compared(machine, "fashion", [*CELLS, *data, "--trials", "4"])


def determinism(machine):
    """Tells whether equal seeds give equal bits in two runs with 1 and 2 workers, each of which tunes its own kernels.
    Neither answer is a failure.
    """
    arguments = [*CELLS, "--data", "digits", "--set", "evaluator.epochs=3", "--set", "task.channels=16"]
    arguments += ["--trials", "4"]
    runs = []
    for workers in (1, 2):
        name = f"bits-{workers}"
        with_workers = [*arguments, "--workers", str(workers)]
        trials = measured(machine.search(name, machine.device, with_workers, machine.cache(name)))
        runs.append([(trial["metrics"]["val_loss"], trial["metrics"]["train_loss"]) for trial in trials])
    if runs[0] == runs[1]:
        return "two runs, with 1 and 2 workers, give equal bits"
    greatest = max(abs(one[0] - other[0]) for one, other in zip(*runs))
    return f"two runs, with 1 and 2 workers, differ: val_loss by up to {greatest:.2e}"


def throughput_with(workers, precision="f32"):
    def throughput(machine):
        """Candidates per hour without each worker's first, which has to compile the kernels."""
        data, examples, validation = machine.images(32)
        arguments = [*CELLS, *data, "--set", "task.channels=16", "--set", "evaluator.epochs=1", "--trials", "10000"]
        arguments += ["--set", f"evaluator.precision={precision}"]
        with Memory(machine.device) as memory:
            limits = ["--workers", str(workers), "--seconds", str(machine.window)]
            # Each run has an empty cache, so that it does not find the kernels of another one.
            name = f"speed-{workers}-{precision}"
            trials = machine.search(name, machine.device, [*arguments, *limits], machine.cache(name))
        done = [trial for trial in trials if trial["state"] == "measured"]
        done.sort(key=lambda trial: trial["started"])
        rest = done[workers:]
        if len(rest) < workers:
            failed = [trial.get("reason", "") for trial in trials if trial["state"] == "failed"]
            why = f": {failed[0]}" if failed else "; a longer --window may do"
            raise Failed(f"{len(done)} candidates in {machine.window} seconds are too few{why}")
        seconds = max(trial["finished"] for trial in rest) - min(trial["started"] for trial in rest)
        first = statistics.mean(trial["finished"] - trial["started"] for trial in done[:workers])
        figures = f"{len(rest) / seconds * 3600:.0f} candidates/h "
        figures += f"({-(-examples // BATCH)} steps of {BATCH}, {validation} validated); "
        return f"{figures}a worker's first takes {first:.1f} s; {memory}"

    return throughput


def with_torch(compiled):
    def pytorch(machine):
        """Trains the same networks in PyTorch with the same batch size and optimizer, one candidate after the other."""
        if importlib.util.find_spec("torch") is None:
            raise Skipped("PyTorch is not installed")
        import torch

        place = "cuda" if machine.device.startswith("cuda") else "cpu"
        if place == "cuda" and not torch.cuda.is_available():
            raise Skipped("this PyTorch has no CUDA")
        data, examples, validation = machine.images(32)
        study = Path(machine.study("torch"))
        if not study.exists():
            # One step on the CPU is enough: only the networks of this study are used.
            small = ["--set", "evaluator.train_limit=64", "--set", "evaluator.validation_limit=64"]
            arguments = [*CELLS, *data, *small, "--set", "task.channels=16", "--set", "evaluator.epochs=1"]
            machine.search("torch", "cpu", [*arguments, "--trials", "4"])
        seconds, first = [], []
        for trial in range(4):
            network = network_of(machine, study, trial)
            begun = time.monotonic()
            network = network.to(place)
            model = torch.compile(network) if compiled else network
            first.append(torch_steps(machine, torch, model, network, place, 1, 0) + time.monotonic() - begun)
            seconds.append(torch_steps(machine, torch, model, network, place, -(-examples // BATCH), validation))
        # The first candidate also warms the device up, so it does not count.
        steady = statistics.mean(seconds[1:])
        whole = steady + (statistics.mean(first[1:]) if compiled else 0)
        figures = f"{3600 / whole:.0f} candidates/h"
        if compiled:
            figures += f", {statistics.mean(first[1:]):.1f} s of compilation each included; {3600 / steady:.0f} without"
        return f"{figures} (PyTorch {torch.__version__})"

    return pytorch


def out_of_memory(machine):
    """A network that needs more memory than the GPU has fails with the reason, and the next one is trained."""
    if not machine.device.startswith("cuda"):
        raise Skipped("would fill this machine's own memory")
    space = machine.folder / "one-wide-layer.toml"
    space.write_text(OUT_OF_MEMORY)
    data = ["--data", "digits", "--set", "evaluator.size=64", "--set", "evaluator.batch_size=256"]
    limits = ["--set", "evaluator.epochs=1", "--trials", "3", "--trial-seconds", "60"]
    trials = machine.search("memory", machine.device, ["--space", str(space), "--strategy", "grid", *data, *limits])
    states = [trial["state"] for trial in trials]
    reason = trials[1].get("reason", "") if len(trials) > 1 else ""
    if states != ["measured", "failed", "measured"] or "memory" not in reason:
        raise Failed(f"the trials were {', '.join(states)}; the reason: {reason or 'none'}")
    return f"measured, failed, measured; the reason: {reason}"


def accuracy_in(precision):
    def accuracy(machine):
        """Compares the same networks in a narrow precision and in 32 bits on the same device."""
        set_precision = ["--set", f"evaluator.precision={precision}"]
        wide = on_device(machine, "digits", [*CELLS, *DIGITS])
        narrow = on_device(machine, f"digits-{precision}", [*CELLS, *DIGITS, *set_precision])
        return near(wide, narrow, "in f32", f"in {precision}")

    return accuracy


def kept_kernels(machine):
    """The first candidate of a process takes less time if it finds the kernels that another process has compiled."""
    if not machine.device.startswith("cuda"):
        raise Skipped("the CPU compiles no kernels")
    environment = machine.cache("kept")
    arguments = [*CELLS, "--data", "digits", "--set", "task.channels=16", "--set", "evaluator.epochs=1"]
    arguments += ["--trials", "1"]
    trials = [measured(machine.search(f"kept-{run}", machine.device, arguments, environment))[0] for run in range(2)]
    first, second = (trial["metrics"]["train_seconds"] for trial in trials)
    cache = Path(environment["XDG_CACHE_HOME"], "nas", "cubecl")
    kept = list(cache.glob("*.db"))
    if not kept:
        raise Failed(f"nothing was kept in {cache}")
    figures = f"an epoch on digits takes {first:.1f} s in the first process, {second:.1f} s in the second; "
    figures += f"{sum(file.stat().st_size for file in kept) / 2**20:.1f} MiB kept"
    if second >= first:
        raise Failed(figures)
    return figures


def final_training(machine):
    """`nas train` gives nearly the same test accuracy for a network on the CPU and on the device."""
    best = max(on_device(machine, "digits", [*CELLS, *DIGITS]), key=lambda trial: trial["metrics"]["val_accuracy"])
    on_cpu(machine, "digits", [*CELLS, *DIGITS])
    accuracies = []
    for name in ("digits-cpu", "digits-device"):
        out = machine.folder / f"{name}-trained"
        trial = ["--trial", str(best["trial"]), "--out", str(out), "--epochs", "10", "--json"]
        ended = machine.run(["train", machine.study(name), *trial])
        if ended.returncode:
            raise Failed(f"nas train ended with {ended.returncode}: {last_line(ended.stderr)}")
        if not (out / "weights.safetensors").is_file():
            raise Failed("nas train has saved no weights")
        accuracies.append(json.loads(ended.stdout)["metrics"]["test_accuracy"])
    figures = f"test accuracy of trial {best['trial']} {accuracies[0]:.4f} on the CPU, "
    figures += f"{accuracies[1]:.4f} on {machine.device}"
    if abs(accuracies[0] - accuracies[1]) > TOLERANCE_OF_ONE:
        raise Failed(f"{figures}; they may differ by {TOLERANCE_OF_ONE}")
    return figures


# Name, check, whether it needs the library, whether it needs a GPU.
CHECKS = [
    ("the built-in evaluator refuses a GPU", built_in, False, False),
    ("missing GPU", missing_gpu, True, False),
    ("missing device", missing_device, True, True),
    ("accuracy on digits", accuracy_digits, True, True),
    ("accuracy on fashion-mnist", accuracy_fashion, True, True),
    *((f"accuracy in {precision}", accuracy_in(precision), True, True) for precision in ("bf16", "f16")),
    ("determinism", determinism, True, True),
    ("final training", final_training, True, True),
    ("kernels kept for the next process", kept_kernels, True, True),
    *((f"speed and memory, {workers} at a time", throughput_with(workers), True, True) for workers in (1, 2, 4, 8)),
    *((f"speed and memory in {precision}", throughput_with(1, precision), True, True) for precision in ("bf16", "f16")),
    ("out of memory", out_of_memory, True, True),
    ("PyTorch, eager", with_torch(False), True, True),
    ("PyTorch, compiled", with_torch(True), True, True),
]


def checked(check, machine, needs_library, needs_gpu):
    reasons = [machine.no_gpu if needs_gpu else None, machine.no_library if needs_library else None]
    try:
        for reason in filter(None, reasons):
            raise Skipped(reason)
        return "PASS", check(machine)
    except Skipped as skipped:
        return "SKIPPED", str(skipped)
    except Failed as failed:
        return "FAIL", str(failed)
    except Exception as error:  # An error in one check must not hide the others.
        return "FAIL", f"{type(error).__name__}: {error}"


def about(machine):
    """Describes the program and the machine that the figures belong to."""
    lines = [f"- {subprocess.run([machine.nas, '--version'], capture_output=True, text=True).stdout.strip()}"]
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        gpus = subprocess.run(query, capture_output=True, text=True, timeout=20).stdout.strip().splitlines()
    except (OSError, subprocess.TimeoutExpired):
        gpus = []
    lines += [f"- GPU: {gpu.replace(', ', ', driver ', 1)}" for gpu in gpus] or [f"- {machine.no_gpu or 'GPU unknown'}"]
    lines.append(f"- {os.cpu_count()} CPU cores, {platform.system()} {platform.machine()}, {time.strftime('%Y-%m-%d')}")
    return lines


def arguments():
    suffix = {"Darwin": ".dylib", "Windows": ".dll"}.get(platform.system(), ".so")
    prefix = "" if platform.system() == "Windows" else "lib"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nas", type=Path, default=ROOT / "target/release/nas")
    library = ROOT / f"target/cuda/evaluators/{prefix}nas_burn_cuda{suffix}"
    parser.add_argument("--library", type=Path, default=library)
    parser.add_argument("--device", default="cuda:0", help="with `cpu`, the checks themselves are tried")
    parser.add_argument("--seconds", type=float, default=480, help="the time for all checks together")
    parser.add_argument("--window", type=float, default=30, help="seconds of each check of speed")
    parser.add_argument("--only", default="", help="run only checks whose names contain one of these, comma-separated")
    parser.add_argument("--out", type=Path, default=ROOT / "target/gpu-checks.md")
    return parser.parse_args()


def main():
    given = arguments()
    if not given.nas.is_file():
        sys.exit(f"error: there is no {given.nas}; `cargo build --release` builds it, --nas names another")
    names = [name for name in given.only.split(",") if name]
    chosen = [row for row in CHECKS if not names or any(name in row[0] for name in names)]
    if not chosen:
        sys.exit(f"error: --only {given.only}: there is no such check; known: {', '.join(row[0] for row in CHECKS)}")
    table, failed, begun = [], 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(given, folder)
        for name, check, needs_library, needs_gpu in chosen:
            result, figures = checked(check, machine, needs_library, needs_gpu)
            failed += result == "FAIL"
            print(f"{result:8}{name}: {figures}", flush=True)
            table.append(f"| {name} | {result} | {figures.replace('|', '/')} |")
        lines = [*about(machine), f"- {time.monotonic() - begun:.0f} s for all checks"]
        lines += ["", "| check | result | figures |", "|---|---|---|"]
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text("\n".join([*lines, *table]) + "\n")
    print(f"{failed} of {len(chosen)} checks failed; the table is in {given.out}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
