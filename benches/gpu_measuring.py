"""The tools of gpu_checks.py: running `nas` and its studies, the GPU's memory, and training with PyTorch."""

import ctypes
import importlib.util
import json
import os
import subprocess
import threading
import time
from pathlib import Path

# The network of docs/benchmarks/training.md: 16 channels, one cell per stage.
CELLS = ["--space", "nas-bench-201", "--strategy", "random-search", "--seed", "1", "--set", "task.cells=1"]
# The training steps of one candidate in the comparisons of speed.
BATCH, STEPS, VALIDATION = 64, 50, 500


class Skipped(Exception):
    """A check that cannot run here."""


class Failed(Exception):
    """A check that failed."""


class Machine:
    """The program, the library and the device that are checked, with the folder and the time for it."""

    def __init__(self, arguments, folder):
        # Absolute paths, so that `nas` takes the library for a file and not for a name.
        self.nas, self.library = str(arguments.nas.absolute()), str(arguments.library.absolute())
        self.device, self.folder = arguments.device, Path(folder)
        self.ends = time.monotonic() + arguments.seconds
        self.limit, self.window = arguments.seconds, arguments.window
        # The trials of finished studies: several checks use the same study.
        self.known = {}
        data = os.environ.get("NAS_DATA")
        fashion = Path(data, "fashion-mnist") if data else None
        self.fashion = fashion if fashion and fashion.is_dir() else None
        # Why the library or the GPU is missing; None if it is there.
        self.no_library = None if Path(self.library).is_file() else "no CUDA library; `cargo xtask cuda` builds it"
        self.no_gpu = gpu_missing() if self.device.startswith("cuda") else None

    def left(self):
        """Returns the seconds that are left, or skips the check if there are none."""
        left = self.ends - time.monotonic()
        if left <= 1:
            raise Skipped(f"the {self.limit:.0f} seconds of --seconds are over")
        return left

    def run(self, arguments, environment=None):
        """Runs `nas` within the time that is left."""
        left = self.left()
        # Its own cache, so that no kernels of earlier runs are found.
        environment = {**os.environ, "XDG_DATA_HOME": "/nonexistent", **self.cache("shared"), **(environment or {})}
        try:
            return subprocess.run([self.nas, *arguments], capture_output=True, text=True, timeout=left, env=environment)
        except subprocess.TimeoutExpired:
            raise Skipped(f"the {self.limit:.0f} seconds of --seconds ended during it") from None

    def cache(self, name):
        """Returns the environment that keeps compiled kernels and their tuning in a cache of this name."""
        cache = self.folder / "caches" / name
        # The driver has a cache of compiled kernels, too.
        return {"XDG_CACHE_HOME": str(cache), "CUDA_CACHE_PATH": str(cache / "driver")}

    def study(self, name):
        """Returns the path of a study."""
        return str(self.folder / f"{name}.study")

    def search(self, name, device, arguments, environment=None):
        """Returns the trials of a study, which is run the first time."""
        if name not in self.known:
            evaluator = ["--evaluator", self.library, "--device", device, "--study", self.study(name), "--quiet"]
            ended = self.run(["search", *arguments, *evaluator], environment)
            if "in which" in ended.stderr and "does not compute" in ended.stderr:
                raise Skipped(last_line(ended.stderr))
            if ended.returncode:
                raise Failed(f"nas search ended with {ended.returncode}: {last_line(ended.stderr)}")
            self.known[name] = json.loads(self.run(["show", self.study(name), "--trials", "--json"]).stdout)["trials"]
        return self.known[name]

    def images(self, size):
        """Returns the arguments for images of `size` by `size` pixels, and the numbers for training and validation."""
        arguments = ["--data", str(self.fashion or "digits"), "--set", f"evaluator.size={size}"]
        if not self.fashion:
            return arguments, 1079, 359
        arguments += ["--set", f"evaluator.train_limit={BATCH * STEPS}"]
        return [*arguments, "--set", f"evaluator.validation_limit={VALIDATION}"], BATCH * STEPS, VALIDATION


def gpu_missing():
    """Asks the driver why there is no GPU; None if there is one."""
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
    return lines[-1].strip() if lines else "(no message)"


def refused(ended, *parts):
    """Checks that the command was refused as invalid input with a message that has these parts; returns its summary."""
    missing = [part for part in parts if part not in ended.stderr]
    if ended.returncode != 2 or missing or "panicked" in ended.stderr:
        raise Failed(f"exit code {ended.returncode}, without {missing}: {last_line(ended.stderr)}")
    return ended.stderr.splitlines()[0].split(", in open: ")[-1]


def measured(trials):
    bad = [trial for trial in trials if trial["state"] != "measured"]
    if bad:
        raise Failed(f"trial {bad[0]['trial']}: {bad[0].get('reason', bad[0]['state'])}")
    return trials


class Memory:
    """Polls the GPU's memory in use while something runs, in MiB."""

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
        return "memory unknown to nvidia-smi" if self.most is None else f"{self.most - self.idle} MiB"


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
    """Returns the seconds of training and validation. The data are on the host, as in nas."""
    inputs = torch.randn(BATCH * steps, 1, 32, 32)
    labels = torch.randint(0, 10, (BATCH * steps,))
    optimizer = torch.optim.AdamW(network.parameters(), lr=0.003, weight_decay=0.01)
    begun = time.monotonic()
    network.train()
    for at in range(0, len(labels), BATCH):
        machine.left()
        batch, targets = inputs[at : at + BATCH].to(place), labels[at : at + BATCH].to(place)
        loss = torch.nn.functional.cross_entropy(model(batch), targets)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        # nas also reads every loss, to notice a training that diverges.
        loss.item()
    network.eval()
    with torch.no_grad():
        for at in range(0, validation, 256):
            network(torch.randn(min(256, validation - at), 1, 32, 32).to(place)).sum().item()
    return time.monotonic() - begun
