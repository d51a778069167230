#!/usr/bin/env python3
"""Everything that needs a GPU, check by check: docs/gpu-checks.md.

    NAS_DATA=FOLDER python3 benches/gpu_checks.py [--seconds 480] [--only NAME,NAME] [--out target/gpu-checks.md]

Needs a release build of `nas` and the CUDA library (`cargo xtask cuda`), and of Python nothing but itself; PyTorch is compared
with where it is installed. Each check ends as PASS, FAIL or SKIPPED (with the reason), and the table with the figures is
written as Markdown. Exit code 1: a check has failed. Without a GPU, checks that need one are skipped, and the rest runs.
"""

import argparse
import ctypes
import importlib.util
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
# The network of docs/benchmarks/training.md: 16 channels, one cell a stage.
CELLS = ["--space", "nas-bench-201", "--strategy", "random-search", "--seed", "1", "--set", "task.cells=1"]
# Steps of one candidate in the comparisons of speed.
BATCH, STEPS, VALIDATION = 64, 50, 500
# Of two devices, the mean accuracy of the same networks may differ by so much.
TOLERANCE = 0.02
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


class Skipped(Exception):
    """A check that cannot run here."""


class Failed(Exception):
    """A check that went wrong."""


class Machine:
    """What is checked, and with what."""

    def __init__(self, arguments, folder):
        # Absolute, so that they are files and not names on a search path.
        self.nas, self.library = str(arguments.nas.absolute()), str(arguments.library.absolute())
        self.device, self.folder = arguments.device, Path(folder)
        self.ends = time.monotonic() + arguments.seconds
        self.limit = arguments.seconds
        data = os.environ.get("NAS_DATA")
        fashion = Path(data, "fashion-mnist") if data else None
        self.fashion = fashion if fashion and fashion.is_dir() else None
        # What lacks: the library, the GPU.
        self.no_library = None if Path(self.library).is_file() else "no CUDA library; `cargo xtask cuda` builds it"
        self.no_gpu = gpu_missing() if self.device.startswith("cuda") else None

    def left(self):
        """Seconds that are left."""
        left = self.ends - time.monotonic()
        if left <= 1:
            raise Skipped(f"the {self.limit:.0f} seconds are over (--seconds)")
        return left

    def run(self, arguments, environment=None):
        """Runs `nas` within the time that is left."""
        left = self.left()
        environment = {**os.environ, "XDG_DATA_HOME": "/nonexistent", **(environment or {})}
        try:
            return subprocess.run([self.nas, *arguments], capture_output=True, text=True, timeout=left, env=environment)
        except subprocess.TimeoutExpired:
            raise Skipped(f"the {self.limit:.0f} seconds were over in the middle of it (--seconds)") from None

    def search(self, name, device, arguments):
        """The trials of a finished study."""
        study = str(self.folder / f"{name}.study")
        evaluator = ["--evaluator", self.library, "--device", device, "--study", study, "--quiet"]
        ended = self.run(["search", *arguments, *evaluator])
        if ended.returncode:
            raise Failed(f"nas search ended with {ended.returncode}: {last_line(ended.stderr)}")
        return json.loads(self.run(["show", study, "--trials", "--json"]).stdout)["trials"]

    def images(self, size):
        """Images of `size` by `size` pixels, one candidate's worth: its examples, and what they are."""
        limits = ["--set", f"evaluator.train_limit={BATCH * STEPS}", "--set", f"evaluator.validation_limit={VALIDATION}"]
        if self.fashion:
            return ["--data", str(self.fashion), "--set", f"evaluator.size={size}", *limits], BATCH * STEPS, VALIDATION
        return ["--data", "digits", "--set", f"evaluator.size={size}"], 1079, 359


def gpu_missing():
    """Why there is no GPU, asked of the driver; None where there is one."""
    try:
        driver = ctypes.CDLL("libcuda.so.1")
    except OSError:
        return "no GPU: libcuda.so.1 cannot be loaded"
    count = ctypes.c_int(0)
    if driver.cuInit(0) or driver.cuDeviceGetCount(ctypes.byref(count)) or not count.value:
        return "no GPU: the driver finds none"
    return None


def last_line(text):
    lines = [line for line in text.splitlines() if line.strip()]
    return lines[-1].strip() if lines else "(nothing said)"


def refused(ended, *words):
    """The command was refused as wrong input, in words and without a panic."""
    missing = [word for word in words if word not in ended.stderr]
    if ended.returncode != 2 or missing or "panicked" in ended.stderr:
        raise Failed(f"exit code {ended.returncode}, lacking {missing}: {last_line(ended.stderr)}")
    return ended.stderr.splitlines()[0].split(", in open: ")[-1]


def measured(trials):
    bad = [trial for trial in trials if trial["state"] != "measured"]
    if bad:
        raise Failed(f"trial {bad[0]['trial']}: {bad[0].get('reason', bad[0]['state'])}")
    return trials


def built_in(machine):
    """The built-in evaluator, asked for a GPU."""
    study = str(machine.folder / "refused.study")
    arguments = ["search", "--space", "mlp", "--strategy", "random-search", "--trials", "1", "--study", study]
    ended = machine.run([*arguments, "--device", "cuda:0"])
    return refused(ended, "'device' is cuda:0", "cargo xtask cuda")


def missing_gpu(machine):
    """The CUDA library where no GPU is visible."""
    study = str(machine.folder / "refused.study")
    arguments = ["search", "--space", "mlp", "--strategy", "random-search", "--trials", "1", "--study", study]
    ended = machine.run([*arguments, "--evaluator", machine.library], {"CUDA_VISIBLE_DEVICES": ""})
    return refused(ended, "'device' is cuda:0, but", "--device cpu")


def missing_device(machine):
    """A number that no GPU has."""
    study = str(machine.folder / "refused.study")
    arguments = ["search", "--space", "mlp", "--strategy", "random-search", "--trials", "1", "--study", study]
    ended = machine.run([*arguments, "--evaluator", machine.library, "--device", "cuda:99"])
    return refused(ended, "'device' is cuda:99, but", "this machine has")


def compared(machine, name, arguments):
    """The same networks with the same seeds on the CPU and on the device."""
    workers = ["--workers", str(min(4, os.cpu_count() or 1))]
    on_cpu = measured(machine.search(f"{name}-cpu", "cpu", [*arguments, *workers]))
    on_device = measured(machine.search(f"{name}-device", machine.device, [*arguments, "--workers", "2"]))
    if [trial["genotype"] for trial in on_cpu] != [trial["genotype"] for trial in on_device]:
        raise Failed("the two searched other networks")
    pairs = list(zip(*([trial["metrics"]["val_accuracy"] for trial in trials] for trials in (on_cpu, on_device))))
    means = [statistics.mean(values) for values in zip(*pairs)]
    greatest = max(abs(one - other) for one, other in pairs)
    figures = f"mean of {len(pairs)} networks {means[0]:.4f} on the CPU, {means[1]:.4f} on {machine.device}; "
    figures += f"greatest difference {greatest:.4f}"
    if abs(means[0] - means[1]) > TOLERANCE:
        raise Failed(f"{figures}; the means may differ by {TOLERANCE}")
    return figures


def accuracy_digits(machine):
    data = ["--data", "digits", "--set", "evaluator.epochs=5", "--set", "task.channels=16"]
    return compared(machine, "digits", [*CELLS, *data, "--trials", "6"])


def accuracy_fashion(machine):
    if not machine.fashion:
        raise Skipped("NAS_DATA has no folder fashion-mnist")
    limits = ["--set", "evaluator.train_limit=4000", "--set", "evaluator.validation_limit=2000"]
    data = ["--data", str(machine.fashion), *limits, "--set", "evaluator.epochs=3", "--set", "task.channels=8"]
    return compared(machine, "fashion", [*CELLS, *data, "--trials", "4"])


def determinism(machine):
    """Whether equal seeds give equal bits, run to run and whatever runs beside. Either answer is a figure, not a failure."""
    arguments = [*CELLS, "--data", "digits", "--set", "evaluator.epochs=3", "--set", "task.channels=16", "--trials", "4"]
    runs = []
    for workers in (1, 2):
        trials = measured(machine.search(f"bits-{workers}", machine.device, [*arguments, "--workers", str(workers)]))
        runs.append([(trial["metrics"]["val_loss"], trial["metrics"]["train_loss"]) for trial in trials])
    if runs[0] == runs[1]:
        return "two runs, with 1 and 2 workers, give equal bits"
    greatest = max(abs(one[0] - other[0]) for one, other in zip(*runs))
    return f"two runs, with 1 and 2 workers, differ: val_loss by up to {greatest:.2e}"


def full_training(machine):
    """A network that was found on the device, trained in full there and on the CPU by the same library."""
    found = [*CELLS, "--data", "digits", "--set", "evaluator.epochs=2", "--set", "task.channels=16", "--trials", "1"]
    measured(machine.search("full", machine.device, found))
    accuracies = []
    for number, device in enumerate(("cpu", machine.device)):
        out = str(machine.folder / f"full-{number}")
        study = ["train", str(machine.folder / "full.study"), "--epochs", "10", "--device", device, "--quiet"]
        ended = machine.run([*study, "--out", out, "--json"])
        if ended.returncode:
            raise Failed(f"nas train on {device} ended with {ended.returncode}: {last_line(ended.stderr)}")
        accuracies.append(json.loads(ended.stdout)["metrics"]["test_accuracy"])
        if not Path(out, "weights.safetensors").is_file():
            raise Failed(f"nas train on {device} has left no weights")
    figures = f"test accuracy {accuracies[0]:.4f} on the CPU, {accuracies[1]:.4f} on {machine.device}"
    if abs(accuracies[0] - accuracies[1]) > TOLERANCE:
        raise Failed(f"{figures}; they may differ by {TOLERANCE}")
    return figures


class Memory:
    """The GPU's memory in use, looked at while something runs; MiB."""

    def __init__(self, device):
        self.number = device.partition(":")[2] or "0"
        self.idle = self.most = self.now()
        self.done = threading.Event()

    def now(self):
        command = ["nvidia-smi", f"--id={self.number}", "--query-gpu=memory.used", "--format=csv,noheader,nounits"]
        try:
            return int(subprocess.run(command, capture_output=True, text=True, timeout=10).stdout.split()[0])
        except (OSError, ValueError, IndexError, subprocess.TimeoutExpired):
            return None

    def look(self):
        while not self.done.wait(0.2):
            now = self.now()
            if now is not None and self.most is not None:
                self.most = max(self.most, now)

    def __enter__(self):
        self.thread = threading.Thread(target=self.look)
        self.thread.start()
        return self

    def __exit__(self, *_):
        self.done.set()
        self.thread.join()

    def __str__(self):
        return "memory not told by nvidia-smi" if self.most is None else f"{self.most - self.idle} MiB"


def throughput_with(workers):
    def throughput(machine):
        """Candidates an hour, those left out that find no kernel compiled: each worker's first."""
        data, examples, validation = machine.images(32)
        arguments = [*CELLS, *data, "--set", "task.channels=16", "--set", "evaluator.epochs=1", "--trials", "10000"]
        with Memory(machine.device) as memory:
            limits = ["--workers", str(workers), "--seconds", str(machine.window)]
            trials = machine.search(f"speed-{workers}", machine.device, [*arguments, *limits])
        done = [trial for trial in trials if trial["state"] == "measured"]
        done.sort(key=lambda trial: trial["started"])
        rest = done[workers:]
        if len(rest) < workers:
            failed = [trial.get("reason", "") for trial in trials if trial["state"] == "failed"]
            why = f": {failed[0]}" if failed else "; a longer --window may do"
            raise Failed(f"{len(done)} candidates in {machine.window} seconds are too few{why}")
        seconds = max(trial["finished"] for trial in rest) - min(trial["started"] for trial in rest)
        first = statistics.mean(trial["finished"] - trial["started"] for trial in done[:workers])
        figures = f"{len(rest) / seconds * 3600:.0f} candidates/h ({-(-examples // BATCH)} steps of {BATCH}, {validation} validated); "
        return f"{figures}a worker's first takes {first:.1f} s; {memory}"

    return throughput


def with_torch(compiled):
    def pytorch(machine):
        """The same networks, batch and optimizer in PyTorch, one candidate after the other."""
        if importlib.util.find_spec("torch") is None:
            raise Skipped("PyTorch is not installed")
        import torch

        place = "cuda" if machine.device.startswith("cuda") else "cpu"
        if place == "cuda" and not torch.cuda.is_available():
            raise Skipped("this PyTorch has no CUDA")
        data, examples, validation = machine.images(32)
        study = machine.folder / "torch.study"
        if not study.exists():
            # On the CPU with one step: what matters is which networks it takes.
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
        # The first candidate finds a device that is not warm.
        steady = statistics.mean(seconds[1:])
        whole = steady + (statistics.mean(first[1:]) if compiled else 0)
        words = f"{3600 / whole:.0f} candidates/h"
        if compiled:
            words += f", {statistics.mean(first[1:]):.1f} s of compilation each included; {3600 / steady:.0f} without"
        return f"{words} (PyTorch {torch.__version__})"

    return pytorch


def network_of(machine, study, trial):
    file = machine.folder / f"network_{trial}.py"
    ended = machine.run(["export", str(study), "--trial", str(trial), "--format", "pytorch", "--out", str(file)])
    if ended.returncode:
        raise Failed(f"nas export: {last_line(ended.stderr)}")
    spec = importlib.util.spec_from_file_location(file.stem, file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.Network()


def torch_steps(machine, torch, model, network, place, steps, validation):
    """Seconds of so many steps and of running the validation examples, data on the host as nas has them."""
    inputs = torch.randn(BATCH * steps, 1, 32, 32)
    labels = torch.randint(0, 10, (BATCH * steps,))
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.003, weight_decay=0.01)
    begun = time.monotonic()
    network.train()
    for at in range(0, len(labels), BATCH):
        machine.left()
        loss = torch.nn.functional.cross_entropy(model(inputs[at : at + BATCH].to(place)), labels[at : at + BATCH].to(place))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        # nas looks at each loss, too, to notice a training that diverges.
        loss.item()
    network.eval()
    with torch.no_grad():
        for at in range(0, validation, 256):
            network(torch.randn(min(256, validation - at), 1, 32, 32).to(place)).sum().item()
    return time.monotonic() - begun


def out_of_memory(machine):
    """A network that needs more memory than there is fails with the reason, and the next one is trained."""
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


def mixed_precision(_):
    raise Skipped("not there: networks are trained in 32-bit floats")


# Name, check, whether it needs the library and a GPU.
CHECKS = [
    ("the built-in evaluator refuses a GPU", built_in, False, False),
    ("missing GPU", missing_gpu, True, False),
    ("missing device", missing_device, True, True),
    ("accuracy on digits", accuracy_digits, True, True),
    ("accuracy on fashion-mnist", accuracy_fashion, True, True),
    ("determinism", determinism, True, True),
    ("full training", full_training, True, True),
    *((f"speed and memory, {workers} at a time", throughput_with(workers), True, True) for workers in (1, 2, 4, 8)),
    ("out of memory", out_of_memory, True, True),
    ("PyTorch, eager", with_torch(False), True, True),
    ("PyTorch, compiled", with_torch(True), True, True),
    ("bf16 and f16", mixed_precision, True, True),
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
    except Exception as error:  # What breaks one check must not hide the others.
        return "FAIL", f"{type(error).__name__}: {error}"


def about(machine):
    """What the figures are of."""
    lines = [f"- {subprocess.run([machine.nas, '--version'], capture_output=True, text=True).stdout.strip()}"]
    query = ["nvidia-smi", "--query-gpu=name,driver_version,memory.total", "--format=csv,noheader"]
    try:
        gpus = subprocess.run(query, capture_output=True, text=True, timeout=20).stdout.strip().splitlines()
    except (OSError, subprocess.TimeoutExpired):
        gpus = []
    lines += [f"- GPU: {gpu.replace(', ', ', driver ', 1)}" for gpu in gpus] or [f"- {machine.no_gpu or 'GPU not told'}"]
    lines.append(f"- {os.cpu_count()} CPU cores, {platform.system()} {platform.machine()}, {time.strftime('%Y-%m-%d')}")
    return lines


def arguments():
    suffix = {"Darwin": ".dylib", "Windows": ".dll"}.get(platform.system(), ".so")
    prefix = "" if platform.system() == "Windows" else "lib"
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nas", type=Path, default=ROOT / "target/release/nas")
    library = ROOT / f"target/cuda/evaluators/{prefix}nas_burn_cuda{suffix}"
    parser.add_argument("--library", type=Path, default=library)
    parser.add_argument("--device", default="cuda:0", help="with `cpu` the checks try themselves")
    parser.add_argument("--seconds", type=float, default=480, help="for all checks together")
    parser.add_argument("--window", type=float, default=45, help="seconds of each check of speed")
    parser.add_argument("--only", default="", help="checks whose names have one of these words, by commas")
    parser.add_argument("--out", type=Path, default=ROOT / "target/gpu-checks.md")
    return parser.parse_args()


def main():
    given = arguments()
    if not given.nas.is_file():
        sys.exit(f"error: there is no {given.nas}; `cargo build --release` builds it, --nas names another")
    words = [word for word in given.only.split(",") if word]
    chosen = [row for row in CHECKS if not words or any(word in row[0] for word in words)]
    if not chosen:
        sys.exit(f"error: --only {given.only}: there is no such check; known: {', '.join(row[0] for row in CHECKS)}")
    table, failed, begun = [], 0, time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        machine = Machine(given, folder)
        machine.window = given.window
        for name, check, needs_library, needs_gpu in chosen:
            result, figures = checked(check, machine, needs_library, needs_gpu)
            failed += result == "FAIL"
            print(f"{result:8}{name}: {figures}", flush=True)
            table.append(f"| {name} | {result} | {figures.replace('|', '/')} |")
        lines = [*about(machine), f"- {time.monotonic() - begun:.0f} s for all", "", "| check | result | figures |", "|---|---|---|"]
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.write_text("\n".join([*lines, *table]) + "\n")
    print(f"{failed} of {len(chosen)} checks failed; the table is in {given.out}")
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
