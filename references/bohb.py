#!/usr/bin/env python3
"""Runs the reference implementation of BOHB (hpbandster) on NAS-Bench-201, as it is and with alterations.

    NAS_DATA=FOLDER python references/bohb.py [reference random fresh kernel,brackets ours-gini ...] [--seeds 500]

The protocol is that of Dong & Yang 2020 (D-X-Y/AutoDL-Projects, exps/algos/BOHB.py, settings of BOHB.sh) on CIFAR-10.
The loss of a call is 100 minus the validation accuracy after 12 epochs, whatever the budget. Every call, repeats and
promotions included, costs 12 epochs of training. A search ends before the call that would exceed 12,000 seconds. The
result is the test accuracy after 200 epochs of (a) the best architecture of all, and (b) the best of those at the
largest budget, which is hpbandster's get_incumbent_id.

hpbandster's own config generator, brackets and rungs are driven in this process, in the order in which its master runs
them with one worker. A search is `random`, `reference`, or a comma-separated list of alterations of the reference:
{alterations}
`kernel` is gini,clip,levels. `draw` is widen,move. `ours` is everything in which nas differs. `ours-NAME` is all of
that but one.

Needs Python 3.7 with hpbandster==0.7.4 ConfigSpace==0.7.1 statsmodels==0.13.5 numpy==1.21.6.
"""
import argparse
import csv
import gzip
import os
import sys
import time
import warnings
from types import SimpleNamespace

import numpy as np

ALTERATIONS = {
    "gini": "the spread of a decision is the root of Gini's index, not the standard deviation of its numbering",
    "clip": "bandwidths are at most 0.8, where all five choices are equally likely (else kernels get negative)",
    "levels": "kernels know all five choices, not only those among their data",
    "widen": "candidates are drawn from kernels that are --bandwidth-factor times as wide",
    "move": "a choice that is redrawn always changes (else it stays with a probability of 1/5)",
    "early": "the model starts with 9 results, some both good and bad, not with 14",
    "brackets": "the middle bracket has 5 architectures, not 3",
    "fresh": "an architecture that was drawn before is not drawn again",
    "cross": "the call during which the time runs out counts",
    "free": "repeats and promotions cost no time",
}
KERNEL = ["gini", "clip", "levels"]
DRAW = ["widen", "move"]
OURS = [name for name in ALTERATIONS if name != "free"]
GROUPS = {"reference": [], "kernel": KERNEL, "draw": DRAW, "ours": OURS}
OPERATIONS = ["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3"]
EDGES = ["1<-0", "2<-0", "2<-1", "3<-0", "3<-1", "3<-2"]  # sorted by name, as ConfigSpace does


def read_table():
    """Returns a dict from the choices of the edges to (validation accuracy after 12 epochs, test accuracy after 200,
    seconds of a call).
    """
    with gzip.open(os.path.join(os.environ["NAS_DATA"], "nasbench201.csv.gz"), "rt") as file:
        return {
            tuple(int(row["op_{3}_{0}".format(*edge)]) for edge in EDGES):
            (float(row["c10_val_12"]), float(row["c10_test_200"]), 12 * float(row["c10_train_s_per_epoch"]))
            for row in csv.DictReader(file)
        }


class TimeIsUp(Exception):
    """The simulated time is spent."""


class Search:
    """The calls of a search and the time that it has left."""

    def __init__(self, table, seconds, altered):
        self.table, self.left, self.altered = table, seconds, altered
        self.calls = []  # (choices, kind, at the largest budget): kinds are random, model, promoted
        self.seen = set()

    def call(self, choices, kind="random", largest=True):
        accuracy, _, cost = self.table[choices]
        if "free" in self.altered and choices in self.seen:
            cost = 0
        if self.left <= 0 or (cost > self.left and "cross" not in self.altered):
            raise TimeIsUp
        self.left -= cost
        self.calls.append((choices, kind, largest))
        self.seen.add(choices)
        return accuracy

    def result(self, largest):
        found = [choices for choices, _, at_largest in self.calls if at_largest or not largest]
        return self.table[max(found, key=lambda choices: self.table[choices][0])][1]


class Density:
    """KDEMultivariate of statsmodels for unordered data, with the alterations. Candidates are drawn with `bw`."""

    def __init__(self, data, least, factor, altered):
        self.data = data
        spread = data.std(axis=0)
        if "gini" in altered:
            parts = (data[:, :, None] == np.arange(5)).mean(axis=0)
            spread = np.sqrt(np.maximum(0, 1 - (parts ** 2).sum(axis=1)))
        most = 0.8 if "clip" in altered else None
        rule = 1.06 * spread * len(data) ** (-1.0 / (4 + data.shape[1]))
        self.width = np.clip(rule, least, most)
        self.bw = np.clip(rule * factor, least, most) if "widen" in altered else self.width
        if "move" in altered:
            self.bw = np.minimum(1, self.bw * 5 / 4)
        self.away = 4 if "levels" in altered else np.array([len(np.unique(column)) for column in data.T]) - 1

    def pdf(self, choices):
        kernels = np.where(self.data == np.asarray(choices), 1 - self.width, self.width / self.away)
        return kernels.prod(axis=1).sum() / len(self.data)


def altered_generator(base):
    class Generator(base):
        """hpbandster's config generator with a model that is built here."""

        def new_result(self, job):
            budget = job.kwargs["budget"]
            results = self.configs.setdefault(budget, [])
            if max(self.kde_models, default=budget) > budget:
                return
            results.append([OPERATIONS.index(job.kwargs["config"][edge]) for edge in EDGES])
            losses = self.losses.setdefault(budget, [])
            losses.append(job.result["loss"])
            count, least = len(results), self.min_points_in_model
            good = max(least, self.top_n_percent * count // 100)
            bad = slice(good, good + max(least, (100 - self.top_n_percent) * count // 100))
            if "early" in self.altered:
                bad = slice(count - max(least, count - good), count)
            data, order = np.array(results), np.argsort(losses)
            if count < least + 2 or len(order[bad]) < least:
                return
            self.kde_models[budget] = {
                name: Density(data[order[part]], self.min_bandwidth, self.bw_factor, self.altered)
                for name, part in (("good", slice(good)), ("bad", bad))
            }

    return Generator


def bohb(search, options):
    import ConfigSpace
    from hpbandster.core.dispatcher import Job
    from hpbandster.optimizers import BOHB as Master
    from hpbandster.optimizers.config_generators.bohb import BOHB as Reference

    space = ConfigSpace.ConfigurationSpace(seed=np.random.randint(2 ** 31))
    for edge in EDGES:
        space.add_hyperparameter(ConfigSpace.CategoricalHyperparameter(edge, OPERATIONS))
    kind = Reference if not search.altered and not options.check else altered_generator(Reference)
    generator = kind(space, num_samples=options.num_samples, random_fraction=options.random_fraction,
                     bandwidth_factor=options.bandwidth_factor, min_bandwidth=options.min_bandwidth)
    generator.altered, generator.logger.disabled = search.altered, True
    drawn = set()

    def choices_of(config):
        return tuple(OPERATIONS.index(config[edge]) for edge in EDGES)

    def draw(budget):
        for _ in range(100):
            config, info = generator.get_config(budget)
            if "fresh" not in search.altered or choices_of(config) not in drawn:
                break
        drawn.add(choices_of(config))
        return config, info

    budgets = 200.0 * 3.0 ** -np.arange(2, -1, -1)
    master = SimpleNamespace(max_SH_iter=3, eta=3, budgets=budgets, config_generator=SimpleNamespace(get_config=draw))
    for number in range(options.n_iters):
        bracket = Master.get_next_iteration(master, number)
        if "brackets" in search.altered and bracket.num_configs == [3, 1]:
            bracket.num_configs = [5, 1]
        while True:
            run = bracket.get_next_run()
            if run is None:
                break
            id, config, budget = run
            datum = bracket.data[id]
            origin = "promoted" if datum.results else "model" if datum.config_info["model_based_pick"] else "random"
            job = Job(id, config=config, budget=budget)
            job.result = {"loss": 100 - search.call(choices_of(config), origin, budget == 200), "info": None}
            bracket.register_result(job)
            generator.new_result(job)


def random_search(search, _):
    while True:
        search.call(tuple(np.random.randint(5, size=6)))


def alterations(name):
    """Returns the set of alterations that a search's name stands for; `random` stands for none."""
    altered = set()
    for part in name.split(","):
        whole, _, but = part.partition("-")
        altered |= set(GROUPS.get(whole, [whole])) - set(GROUPS.get(but, [but]))
    unknown = altered - set(ALTERATIONS) - {"random"}
    if unknown:
        sys.exit("no such alteration: " + ", ".join(unknown))
    return altered - {"random"}


def report(name, searches, seconds):
    def cell(values, digits=3):
        return "{:.{}f} ± {:.2f} ({:.{}f})".format(np.mean(values), digits, np.std(values),
                                                   np.std(values) / len(values) ** 0.5, digits)

    calls = [call for search in searches for call in search.calls]
    drawn = [len(set(choices for choices, *_ in search.calls)) for search in searches]
    proposed = sum(kind != "promoted" for _, kind, _ in calls)
    kinds = ["{:.1f}".format(sum(call[1] == kind for call in calls) / len(searches))
             for kind in ("random", "model", "promoted")]
    model = [searches[0].table[choices][0] for choices, kind, _ in calls if kind == "model"]
    results = [[search.result(largest) for search in searches] for largest in (False, True)]
    row = [name, *map(cell, results),
           "{:.1f}".format(len(calls) / len(searches)), *kinds, "{:.1f}".format(np.mean(drawn)),
           "{:.1%}".format(1 - sum(drawn) / proposed), "{:.1f}".format(np.mean(model)) if model else "",
           "{:.0f} s".format(seconds)]
    print("| " + " | ".join(row) + " |", flush=True)


def main():
    text = __doc__.format(alterations="\n".join("  {:9} {}".format(*item) for item in ALTERATIONS.items()))
    parser = argparse.ArgumentParser(description=text, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("searches", nargs="*", default=["reference", "random"])
    parser.add_argument("--seeds", type=int, default=500)
    parser.add_argument("--first-seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=12000)
    parser.add_argument("--num-samples", type=int, default=4)
    parser.add_argument("--random-fraction", type=float, default=0.0)
    parser.add_argument("--bandwidth-factor", type=float, default=3)
    parser.add_argument("--min-bandwidth", type=float, default=0.3)
    parser.add_argument("--n-iters", type=int, default=50)
    parser.add_argument("--check", action="store_true", help="use the rewritten model for the reference, too")
    options = parser.parse_args()
    warnings.filterwarnings("ignore")
    table = read_table()
    print("| search | (a) best of all | (b) best at the largest budget | calls | random | by the model | promoted "
          "| different | repeats among those drawn | 12-epoch accuracy by the model | time |\n" + "|---" * 11 + "|")
    for name in options.searches:
        start, searches = time.time(), []
        for seed in range(options.first_seed, options.first_seed + options.seeds):
            np.random.seed(seed)
            search = Search(table, options.seconds, alterations(name))
            try:
                (random_search if name == "random" else bohb)(search, options)
            except TimeIsUp:
                pass
            searches.append(search)
        report(name, searches, time.time() - start)


if __name__ == "__main__":
    main()
