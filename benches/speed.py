#!/usr/bin/env python3
"""Compares the time per trial of nas, Optuna and Nevergrad on nas-bench-201 (CIFAR-10) with one thread.

    NAS_DATA=FOLDER python3 benches/speed.py [--trials 1000] [--rounds 5]

Needs the release build and the components (cargo build --release && cargo xtask plugins). The first run creates a
virtual environment in target/speed with the versions below. All libraries search the same table, which is held in
memory. The whole loop of a study is timed, without loading. The libraries take turns, so that a busy moment of the
machine affects all of them; medians are printed.
"""

import argparse
import csv
import gzip
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = ["optuna==5.0.0", "nevergrad==1.0.12"]
OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
# The evolutionary and multi-objective searches of the three programs differ: each is the most similar one available.
SEARCHES = {
    "random search": dict(nas="random-search", optuna="random", nevergrad="RandomSearch", objectives=1),
    "evolution": dict(nas="regularized-evolution", optuna="nsga2", nevergrad="DiscreteOnePlusOne", objectives=1),
    "NSGA-II, two objectives": dict(nas="nsga2", optuna="nsga2", nevergrad="DE", objectives=2),
    "TPE": dict(nas="tpe", optuna="tpe", nevergrad=None, objectives=1),
}


def in_environment():
    """Restarts this script in the virtual environment, which is created if it is missing."""
    home = ROOT / "target" / "speed"
    python = home / "bin" / "python"
    if Path(sys.prefix).resolve() == home.resolve():
        return
    if not python.exists():
        subprocess.run([sys.executable, "-m", "venv", home], check=True)
        subprocess.run([python, "-m", "pip", "install", "--quiet", *PACKAGES], check=True)
    os.execv(python, [str(python), *sys.argv])


def read_table(path):
    """Returns a dict from the choices of the six edges to (validation accuracy after 12 epochs, million parameters)."""
    with gzip.open(path, "rt") as file:
        rows = csv.DictReader(file)
        edges = [name for name in rows.fieldnames if name.startswith("op_")]
        number = lambda cell: int(cell) if cell.isdigit() else OPERATIONS.index(cell)
        choices = lambda row: tuple(number(row[edge]) for edge in edges)
        return {choices(row): (float(row["c10_val_12"]), float(row["params_m"])) for row in rows}


def optuna_micros(table, sampler, objectives, trials, seed):
    import optuna

    optuna.logging.set_verbosity(optuna.logging.ERROR)
    samplers = {
        "random": optuna.samplers.RandomSampler,
        "nsga2": optuna.samplers.NSGAIISampler,
        "tpe": optuna.samplers.TPESampler,
    }

    def objective(trial):
        values = table[tuple(trial.suggest_categorical(str(edge), list(range(5))) for edge in range(6))]
        return values if objectives == 2 else values[0]

    study = optuna.create_study(directions=["maximize", "minimize"][:objectives], sampler=samplers[sampler](seed=seed))
    start = time.perf_counter()
    study.optimize(objective, n_trials=trials)
    return (time.perf_counter() - start) / trials * 1e6


def nevergrad_micros(table, name, objectives, trials, seed):
    import nevergrad

    space = nevergrad.p.Dict(**{str(edge): nevergrad.p.Choice(list(range(5))) for edge in range(6)})
    space.random_state.seed(seed)
    optimizer = nevergrad.optimizers.registry[name](parametrization=space, budget=trials, num_workers=1)
    start = time.perf_counter()
    for _ in range(trials):
        candidate = optimizer.ask()
        accuracy, params = table[tuple(candidate.value[str(edge)] for edge in range(6))]
        optimizer.tell(candidate, [-accuracy, params] if objectives == 2 else -accuracy)
    return (time.perf_counter() - start) / trials * 1e6


def nas_micros(strategy, objectives, trials, seed, studies=5):
    """Returns the microseconds of a whole trial with the component, and those that ask and tell take of it."""
    component = ROOT / "target" / "plugins" / "strategies" / f"{strategy}.wasm"
    wanted = ["val_accuracy", "params"][:objectives]
    with tempfile.TemporaryDirectory() as folder:
        grid = Path(folder) / "grid.toml"
        grid.write_text(
            f"seeds = {studies}\nfirst_seed = {seed * studies}\n[budget]\ntrials = {trials}\n"
            f"[strategies.it]\nuse = {json.dumps(str(component))}\n"
            f'[problems."nas-bench-201/c10"]\nobjectives = {json.dumps(wanted)}\n'
        )
        program = ROOT / "target" / "release" / "nas"
        command = [program, "bench", grid, "--no-random-search", "--jobs", "1", "--json", "--out", Path(folder) / "out"]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    row = json.loads(answer)["times"][0]
    return row["trial_micros"], row["ask_tell_micros"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    if "NAS_DATA" not in os.environ:
        sys.exit("NAS_DATA is not set: name the folder of nasbench201.csv.gz")
    path = Path(os.environ["NAS_DATA"]) / "nasbench201.csv.gz"
    if not path.exists():
        sys.exit(f"{path} does not exist: docs/guides/add-a-benchmark.md tells where to get it")
    in_environment()
    warnings.filterwarnings("ignore")
    table = read_table(path)

    times = {search: {"optuna": [], "nevergrad": [], "trial": [], "ask and tell": []} for search in SEARCHES}
    for round in range(options.rounds):
        for search, use in SEARCHES.items():
            found = times[search]
            found["optuna"].append(optuna_micros(table, use["optuna"], use["objectives"], options.trials, round))
            if use["nevergrad"]:
                micros = nevergrad_micros(table, use["nevergrad"], use["objectives"], options.trials, round)
                found["nevergrad"].append(micros)
            trial, ask_tell = nas_micros(use["nas"], use["objectives"], options.trials, round)
            found["trial"].append(trial)
            found["ask and tell"].append(ask_tell)
            print(f"round {round + 1}: {search}", file=sys.stderr)

    header = ["microseconds a trial", "Optuna", "Nevergrad", "nas, whole trial", "nas, ask and tell"]
    header += ["Optuna / whole trial", "Optuna / ask and tell", "Nevergrad / whole trial"]
    print("| " + " | ".join(header) + " |")
    print("|---|---|---|---|---|---|---|---|")
    for search, found in times.items():
        median = {name: statistics.median(values) if values else None for name, values in found.items()}
        shown = lambda value, form: "" if value is None else format(value, form)
        ratio = lambda a, b: None if a is None else a / b
        cells = [
            search,
            shown(median["optuna"], ",.0f"),
            shown(median["nevergrad"], ",.0f"),
            shown(median["trial"], ".1f"),
            shown(median["ask and tell"], ".2f"),
            shown(ratio(median["optuna"], median["trial"]), ",.0f"),
            shown(ratio(median["optuna"], median["ask and tell"]), ",.0f"),
            shown(ratio(median["nevergrad"], median["trial"]), ",.0f"),
        ]
        print("| " + " | ".join(cells) + " |")


if __name__ == "__main__":
    main()
