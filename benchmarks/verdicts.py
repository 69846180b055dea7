"""Can the verdicts be believed? `python -m benchmarks.verdicts POOL.json --out FILE.json` measures them by simulation.

Each draw is a sweep made of real answers (see `benchmarks.verdict_pool`): images are drawn from the pool for search
and for test, a configuration's seed is drawn from the seeds that it was trained with, and what the program would say is
held against the truth, a configuration's mean score over all seeds and all images of the pool.

no change: the answers before and after are swapped, image by image, by the toss of a coin, so that neither side is
better; whatever a report then calls improved or degraded is false.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
from numpy.typing import NDArray

from analysis.facts.evidence import evidence
from analysis.facts.statistics import Interval, SeedSpread, score_interval, seed_spread
from studies.study import ScoreWeights
from trainables.answers import Answer, GradedAnswer
from trainables.grading import Grade
from trainables.scoring import score_answers

Bits = NDArray[np.bool_]
# Images of each character that a draw takes, in place of its old ones; one entry for each place.
Taken = Mapping[str, NDArray[np.intp]]
WEIGHTS = ScoreWeights()
TRIALS, FINALISTS, REPEATS = 12, 3, 3


@dataclass(frozen=True)
class Answers:
    """One trial's answers to every probe of the pool: right, and with a wrong name."""

    right: Bits
    wrong: Bits


class Pool:
    """Real answers by configuration and seed. probes: character -> (images, questions) places of its probes."""

    def __init__(self, data: Mapping[str, Any], images: int) -> None:
        """images: of a character, that a study drawn from the pool has in search and in test."""
        self.images = images
        self.roles: dict[str, str] = data["roles"]
        self.before = _answers(data["before"])
        places: dict[str, dict[str, list[int]]] = {name: {} for name in self.roles}
        for place, (image, character) in enumerate(data["probes"]):
            places[character].setdefault(image, []).append(place)
        self.probes = {name: np.array(list(images.values())) for name, images in places.items() if images}
        self.seeds: dict[str, list[Answers]] = {}
        self.baselines: list[str] = []
        for trial in data["trials"]:
            self.seeds.setdefault(trial["repeat_of"] or trial["id"], []).append(_answers(trial))
            if trial["kind"] == "baseline":
                self.baselines.append(trial["id"])
        everything = {name: np.arange(len(places)) for name, places in self.probes.items()}
        self.truth = {
            name: float(np.mean([self.score(run, everything) for run in runs])) for name, runs in self.seeds.items()
        }
        self.everything: Taken = everything

    def take(self, random: np.random.Generator) -> Taken:
        """Images of a new study, drawn with replacement: the pool is all the images there are."""
        return {name: random.integers(len(places), size=self.images) for name, places in self.probes.items()}

    def score(self, run: Answers, taken: Taken) -> float:
        """The score of DESIGN.md on these images."""
        gains, flips, asked = [], [], []
        for name, images in taken.items():
            places = self.probes[name][images].ravel()
            asked.append(places)
            before, after = self.before.right[places], run.right[places]
            if self.roles[name] == "target":
                gains.append(after.mean() - before.mean())
            if self.roles[name] == "control":
                flips.append((before & ~after).mean())
        everyone = np.concatenate(asked)
        risen = run.wrong[everyone].mean() - self.before.wrong[everyone].mean()
        degradation, hallucination = np.mean(flips), max(0.0, risen)
        return float(np.mean(gains) - WEIGHTS.degradation * degradation - WEIGHTS.hallucination * hallucination)

    def draw(self, name: str, count: int, random: np.random.Generator) -> list[Answers]:
        """Trainings of a configuration, drawn with replacement: its mean over all seeds is then exactly their mean."""
        return [self.seeds[name][seed] for seed in random.integers(len(self.seeds[name]), size=count)]

    def graded(self, run: Answers, taken: Taken) -> list[GradedAnswer]:
        """A run's answers on these images as the program holds them."""
        found = []
        for name, images in taken.items():
            for copy, image in enumerate(images):
                for question, place in enumerate(self.probes[name][image]):
                    probe = f"{name}/{copy}/{question}"
                    found.append(_graded(probe, name, bool(run.right[place]), bool(run.wrong[place])))
        return found


def _answers(data: Mapping[str, str]) -> Answers:
    right, wrong = (np.array(list(data[name])) == "1" for name in ("right", "wrong"))
    return Answers(right, wrong)


def _graded(probe: str, character: str, right: bool, wrong: bool) -> GradedAnswer:
    grade = Grade.correct if right else Grade.wrong_known if wrong else Grade.no_name
    names = (character,) if right else ()
    return GradedAnswer(Answer(probe, ""), character, grade, names, right)


def _images(answers: Sequence[GradedAnswer]) -> dict[str, str]:
    return {graded.answer.probe: graded.answer.probe.rpartition("/")[0] for graded in answers}


def sweep(pool: Pool, random: np.random.Generator) -> dict[str, float]:
    """One simulated sweep: what it chose and said, against the truth."""
    search, test = pool.take(random), pool.take(random)
    others = [name for name in pool.seeds if name not in pool.baselines]
    tried = [*pool.baselines, *random.permutation(others)[: TRIALS - len(pool.baselines)]]
    orders = {name: pool.draw(name, 1 + REPEATS, random) for name in tried}
    first = {name: pool.score(orders[name][0], search) for name in tried}
    ranked = sorted(tried, key=first.__getitem__, reverse=True)
    finalists = list(dict.fromkeys([*ranked[:FINALISTS], *pool.baselines]))
    repeats = {name: orders[name][1:] for name in finalists}
    means = {name: float(np.mean([pool.score(run, search) for run in runs])) for name, runs in repeats.items()}
    winner = max(finalists, key=means.__getitem__)
    runs, truth, best = repeats[winner], pool.truth[winner], max(pool.truth[name] for name in tried)
    reported = float(np.mean([pool.score(run, test) for run in runs]))
    return {
        "search optimism": first[ranked[0]] - pool.truth[ranked[0]],
        "re-trained optimism": means[winner] - truth,
        "reported optimism": reported - truth,
        "regret": best - truth,
        "regret by search score": best - pool.truth[ranked[0]],
        "winner covered": _covers(pool, runs, test, truth, _spread(pool, list(repeats.values()), test)),
    }


def trial(pool: Pool, random: np.random.Generator) -> dict[str, float]:
    """Intervals of a trial that nobody chose: of one training, and of a configuration from its repeats."""
    name = random.choice(list(pool.seeds))
    others = random.permutation([each for each in pool.seeds if each != name])[: FINALISTS - 1]
    (one,), taken = pool.draw(name, 1, random), pool.take(random)
    repeats, *rest = (pool.draw(each, REPEATS, random) for each in (name, *others))
    return {
        "one training covered": _covers(pool, [one], taken, pool.score(one, pool.everything)),
        "repeats covered": _covers(pool, repeats, taken, pool.truth[name], _spread(pool, [repeats, *rest], taken)),
    }


def _spread(pool: Pool, groups: Sequence[Sequence[Answers]], taken: Taken) -> SeedSpread | None:
    before = pool.graded(pool.before, taken)
    scored = [[score_answers(before, pool.graded(run, taken), pool.roles, WEIGHTS) for run in runs] for runs in groups]
    return seed_spread([[tuple(vars(score).values()) for score in runs] for runs in scored])


def _covers(pool: Pool, runs: Sequence[Answers], taken: Taken, truth: float, spread: SeedSpread | None = None) -> float:
    before, after = pool.graded(pool.before, taken), [pool.graded(run, taken) for run in runs]
    interval: Interval = score_interval(before, after, _images(before), pool.roles, WEIGHTS, spread).score
    return float(interval.low <= truth <= interval.high)


def no_change(pool: Pool, random: np.random.Generator) -> dict[str, float]:
    """A report on trials that changed nothing: whether it claims that someone improved or got worse."""
    name = random.choice(list(pool.seeds))
    order = pool.draw(name, REPEATS, random)
    taken = pool.take(random)
    found = {}
    for title, chosen in (("one training", order[:1]), ("repeats", order)):
        before = pool.graded(pool.before, taken)
        after = [pool.graded(run, taken) for run in chosen]
        swapped = {image for image in dict.fromkeys(_images(before).values()) if random.random() < 0.5}
        found[f"false claim, {title}"] = float(_claims(before, after, swapped, pool.roles))
    return found


def _claims(
    before: list[GradedAnswer], runs: list[list[GradedAnswer]], swapped: set[str], roles: Mapping[str, str]
) -> bool:
    """Whether somebody is said to have changed in every run.

    The sides of a swapped image change places, so that each run has a side "before" of its own and is judged alone. The
    program corrects the largest p-values of all runs together, which supports no claim that these do not.
    """
    images = _images(before)
    claims = []
    for run in runs:
        pairs = [
            (new, old) if images[old.answer.probe] in swapped else (old, new)
            for old, new in zip(before, run, strict=True)
        ]
        found = evidence([old for old, _ in pairs], [[new for _, new in pairs]], images, roles)
        claims.append({(name, one.difference > 0) for name, one in found.items() if one.supported})
    return bool(set.intersection(*claims))


@click.command()
@click.argument("pool", type=click.Path(path_type=Path, exists=True))
@click.option("--draws", default=2000, show_default=True, help="Simulated sweeps, trials and reports, each.")
@click.option("--images", default=12, show_default=True, help="Images a character in search, and as many in test.")
@click.option("--seed", default=1, show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(pool: Path, draws: int, images: int, seed: int, out: Path) -> None:
    """Measure the verdicts on sweeps drawn from POOL."""
    data = json.loads(pool.read_text(encoding="utf-8"))
    known, random, start = Pool(data, images), np.random.default_rng(seed), time.monotonic()
    found: dict[str, list[float]] = {}
    for number in range(draws):
        for simulate in (sweep, trial, no_change):
            for name, value in simulate(known, random).items():
                found.setdefault(name, []).append(value)
        if number % 100 == 99:
            left = (time.monotonic() - start) / (number + 1) * (draws - number - 1)
            print(f"{number + 1}/{draws} draws, about {left:.0f} s left", file=sys.stderr)
    figures = {
        name: {"mean": float(np.mean(values)), "standard error": float(np.std(values) / np.sqrt(len(values)))}
        for name, values in found.items()
    }
    facts = {
        "draws": draws,
        "seed": seed,
        "configurations": len(known.seeds),
        "trainings": sum(map(len, known.seeds.values())),
        "images a character": images,
        "images a character in the pool": min(map(len, known.probes.values())),
        "truth": known.truth,
        "figures": figures,
    }
    out.write_text(json.dumps(facts, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for name, figure in figures.items():
        click.echo(f"{name:<28} {figure['mean']:+.4f} ± {figure['standard error']:.4f}")


if __name__ == "__main__":
    main()
