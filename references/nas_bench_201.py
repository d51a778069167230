"""Repeats the comparison of docs/benchmarks/nas-bench-201.md without sharing any code with `nas`.

    python references/nas_bench_201.py nasbench201.csv.gz [--seeds 500] [--ties first|number]

The strategies are random search, regularized evolution (P = 10, S = 3, the oldest dies, one edge is mutated) and local
search (it moves to the first better neighbour in random order, restarts at random, and evaluates no cell twice). They
search by the accuracy after 12 epochs; the printed result is the incumbent's mean test accuracy after 200. `--ties`
tells which of two cells with the same accuracy is the incumbent: the one found `first`, or the one with the smaller
`number` in the table.
"""

import argparse
import collections
import csv
import gzip
import random

EDGES = ["op_0_1", "op_0_2", "op_1_2", "op_0_3", "op_1_3", "op_2_3"]
BUDGETS = [50, 100, 200]


def cells(path):
    """Yields (operations, (number, accuracies)); the accuracies are (after 12 epochs, test after 200) by data set."""
    with gzip.open(path, "rt") as file:
        for row in csv.DictReader(file):
            names = ("c10", "c100", "in16")
            accuracies = {name: (float(row[f"{name}_val_12"]), float(row[f"{name}_test_200"])) for name in names}
            yield tuple(int(row[edge]) for edge in EDGES), (int(row["index"]), accuracies)


def any_cell(rng):
    return tuple(rng.randrange(5) for _ in EDGES)


def changed(cell, edge, op):
    return cell[:edge] + (op,) + cell[edge + 1 :]


def random_search(rng, signal):
    while True:
        yield any_cell(rng)


def evolution(rng, signal, population=10, sample=3):
    alive = collections.deque()
    while True:
        if len(alive) < population:
            child = any_cell(rng)
        else:
            parent = max(rng.sample(list(alive), sample), key=signal)
            edge = rng.randrange(len(EDGES))
            child = changed(parent, edge, rng.choice([op for op in range(5) if op != parent[edge]]))
        yield child
        alive.append(child)
        if len(alive) > population:
            alive.popleft()


def local_search(rng, signal):
    seen = set()

    def fresh():
        while True:
            cell = any_cell(rng)
            if cell not in seen:
                return cell

    while True:
        here = fresh()
        seen.add(here)
        yield here
        better = True
        while better:
            better = False
            around = [changed(here, edge, op) for edge in range(len(EDGES)) for op in range(5) if op != here[edge]]
            rng.shuffle(around)
            for cell in around:
                if cell in seen:
                    continue
                seen.add(cell)
                yield cell
                if signal(cell) > signal(here):
                    here, better = cell, True
                    break


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("table")
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--ties", choices=["first", "number"], default="first")
    given = parser.parse_args()
    table = dict(cells(given.table))
    print("data set, search: " + ", ".join(f"after {budget}" for budget in BUDGETS))
    for name in ("c10", "c100", "in16"):
        for title, search in (("RS", random_search), ("REA", evolution), ("LS", local_search)):
            sums = [0.0] * len(BUDGETS)
            for seed in range(given.seeds):
                signal = lambda cell: table[cell][1][name][0]
                best = None
                for count, cell in enumerate(search(random.Random(f"{title} {name} {seed}"), signal), 1):
                    number = -table[cell][0] if given.ties == "number" else 0
                    if best is None or (signal(cell), number) > best[0]:
                        best = (signal(cell), number), cell
                    if count in BUDGETS:
                        sums[BUDGETS.index(count)] += table[best[1]][1][name][1]
                    if count == BUDGETS[-1]:
                        break
            print(f"{name}, {title}: " + ", ".join(f"{total / given.seeds:.2f}" for total in sums), flush=True)


main()
