"""Compares how many candidates per hour `nas` and PyTorch train on this machine with two busy cores, for five networks.

    python benches/training_speed.py target/release/nas [--rounds 3] [--only NETWORK] [--compile]

Both train the same network (PyTorch trains the module that `nas export` writes) for the same number of steps, on
batches of the same size, in single precision, with AdamW. The data are random: their values do not change the time.
`nas` trains two candidates side by side with one thread each, as `nas search --workers 2` does. PyTorch is run in
several arrangements (two processes of one thread, one process of two threads, and with --compile both through
torch.compile), and the best one counts. Starting `nas` is not counted, nor is starting Python, importing PyTorch and
warming up. The two take turns, and medians are compared.
"""

import argparse
import json
import os
import pathlib
import random
import statistics
import subprocess
import sys
import tempfile
import time

CELL = ["nor_conv_3x3", "nor_conv_3x3", "nor_conv_3x3", "skip_connect", "nor_conv_3x3", "nor_conv_3x3"]
EDGES = ["0_1", "0_2", "1_2", "0_3", "1_3", "2_3"]
CELLS = ",".join(f"op_{edge}={operation}" for edge, operation in zip(EDGES, CELL))
# Layers of GPT-2.
LAYERS = (
    "layers=4,width=128,head_size=32,gated=no,activation=gelu,norm=layer,norm_place=pre,positions=learned,tied=yes,"
    "bias=yes,heads=4,queries_per_key=1,ratio=4,window=all,experts=1"
)
# Name: space, fixed decisions, task settings, data, batch size, batches per epoch, epochs.
NETWORKS = {
    "nas-bench-201": ("nas-bench-201", CELLS, ["task.cells=1"], "images", 64, 8, 1),
    "resnet": ("resnet", "block=basic,width=16,depth*=1", ["task.stem=small"], "digits", 64, 16, 8),
    "mobile": ("mobile", None, ["task.stem=small"], "images", 64, 2, 1),
    "decoder-lm": ("decoder-lm", LAYERS, [], "text", 16, 8, 1),
    "mlp": ("mlp", "layers=2,width1=128,activation1=relu,width2=128,activation2=relu", [], "digits", 64, 16, 60),
}
# The decisions of MobileNetV2 with half the width.
DEPTHS, WIDTHS, EXPANSIONS = [1, 2, 3, 4, 3, 3, 1], [16, 24, 32, 64, 96, 160, 320], [1, 6, 6, 6, 6, 6, 6]


def mobile():
    fixed = ["activation=relu6", "multiplier=0.50", "kernel*=3", "squeeze*=no", "skip*=yes"]
    for stage, (depth, width, expansion) in enumerate(zip(DEPTHS, WIDTHS, EXPANSIONS), 1):
        fixed += [f"depth{stage}={depth}", f"width{stage}={width}", f"expansion{stage}={expansion}"]
    return ",".join(fixed)


def data(folder):
    rng = random.Random(0)
    for name in [f"data_batch_{n}.bin" for n in range(1, 6)] + ["test_batch.bin"]:
        (folder / name).write_bytes(b"".join(bytes([n % 10]) + rng.randbytes(3072) for n in range(260)))
    text = "".join(chr(48 + n) for n in range(65)) + "".join(chr(48 + rng.randrange(65)) for _ in range(60_000))
    (folder / "text.txt").write_text(text)
    return {"images": folder, "digits": "digits", "text": folder / "text.txt"}


def ours(nas, network, paths, folder, number):
    """Runs a study that trains two candidates at a time; returns it and the median seconds of one."""
    space, fixed, task, source, batch, batches, epochs = NETWORKS[network]
    fixed = fixed or mobile()
    study = folder / f"{network}-{number}.study"
    sets = [f"space.fix={fixed}", f"evaluator.batch_size={batch}", f"evaluator.epochs={epochs}", *task]
    sets += [f"evaluator.train_limit={batch * batches}", "evaluator.validation_limit=64", "evaluator.context=128"]
    if space == "decoder-lm":
        sets += ["space.layers=[1,2,4]", "space.widths=[64,128]", "space.head_sizes=[32,64]"]
    command = [nas, "search", "--space", space, "--strategy", "random-search", "--data", paths[source], "--trials", "4"]
    command += ["--workers", "2", "--duplicates", "measure", "--study", study, "--json", "--quiet"]
    for setting in sets:
        command += ["--set", setting]
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(f"{network}: {done.stderr}")
    shown = subprocess.run([nas, "show", study, "--trials", "--json"], check=True, capture_output=True, text=True)
    trials = json.loads(shown.stdout)["trials"]
    return study, statistics.median(trial["metrics"]["train_seconds"] for trial in trials)


def export(nas, study, path):
    command = [nas, "export", study, "--trial", "0", "--format", "pytorch", "--out", path, "--quiet"]
    subprocess.run([str(word) for word in command], check=True, capture_output=True)


def theirs(module, network, processes, threads, compiled):
    """Returns the median seconds of one candidate, with `processes` of them at a time."""
    command = [sys.executable, __file__, "--module", module, "--network", network, "--threads", threads]
    if compiled:
        command.append("--compile")
    command = [str(word) for word in command]
    start = lambda: subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    running = [start() for _ in range(processes)]
    for process in running:
        # A process is ready when it has imported PyTorch and warmed up.
        if process.stdout.readline() != "ready\n":
            sys.exit("PyTorch could not train the module")
    for process in running:
        process.stdin.write("go\n")
        process.stdin.flush()
    return statistics.median(float(process.communicate()[0]) for process in running)


def train(module, network, threads, compiled):
    """Trains one candidate with PyTorch when told to, and prints the seconds; runs in a process of its own."""
    import importlib.util

    import torch
    import torch.nn.functional as F

    torch.set_num_threads(threads)
    _, _, _, source, batch, batches, epochs = NETWORKS[network]
    spec = importlib.util.spec_from_file_location("module", module)
    loaded = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(loaded)
    net = loaded.load()
    net.train()
    run = torch.compile(net) if compiled else net
    optimizer = torch.optim.AdamW(net.parameters(), lr=0.003, weight_decay=0.01)
    if source == "text":
        inputs = torch.randint(0, 65, (batches, batch, 128))
        targets = torch.randint(0, 65, (batches, batch * 128))
    else:
        inputs = torch.randn(batches, batch, *((3, 32, 32) if source == "images" else (1, 8, 8)))
        targets = torch.randint(0, 10, (batches, batch))

    def step(at):
        optimizer.zero_grad(set_to_none=True)
        output = run(inputs[at])
        loss = F.cross_entropy(output.reshape(-1, output.shape[-1]), targets[at])
        loss.backward()
        optimizer.step()
        return loss.item()

    for at in range(2):
        step(at)
    print("ready", flush=True)
    sys.stdin.readline()
    started = time.perf_counter()
    for _ in range(epochs):
        for at in range(batches):
            step(at)
    print(time.perf_counter() - started)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("nas", nargs="?", type=pathlib.Path)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--only", choices=NETWORKS, action="append")
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--module", help=argparse.SUPPRESS)
    parser.add_argument("--network", help=argparse.SUPPRESS)
    parser.add_argument("--threads", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.module:
        return train(given.module, given.network, given.threads, given.compile)
    nas = given.nas.resolve()
    cores = os.cpu_count()
    arrangements = [(2, 1, False), (1, 2, False)] + ([(2, 1, True), (1, 2, True)] if given.compile else [])
    print("| network | nas, candidates per hour | PyTorch | its best arrangement | ratio |\n|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        paths = data(folder)
        for network in given.only or NETWORKS:
            found, rivals = [], {arrangement: [] for arrangement in arrangements}
            for number in range(given.rounds):
                study, seconds = ours(nas, network, paths, folder, number)
                found.append(2 * 3600 / seconds)
                module = folder / f"{network.replace('-', '_')}.py"
                if number == 0:
                    export(nas, study, module)
                for arrangement in arrangements:
                    seconds = theirs(module, network, *arrangement)
                    rivals[arrangement].append(arrangement[0] * 3600 / seconds)
            best = max(arrangements, key=lambda arrangement: statistics.median(rivals[arrangement]))
            rate, rival = statistics.median(found), statistics.median(rivals[best])
            words = f"{best[0]} x {best[1]} threads" + (", compiled" if best[2] else "")
            print(f"| {network} | {rate:,.0f} | {rival:,.0f} | {words} | {rate / rival:.2f} |", flush=True)
    print(f"\n{cores} cores; medians of {given.rounds} rounds in which both took turns", file=sys.stderr)


if __name__ == "__main__":
    main()
