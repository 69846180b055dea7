"""Wrong names and abstentions by whom a picture shows: targets, controls, negatives in training and unseen ones."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from studies.study import Study
from trainables.answers import GradedAnswer
from trainables.grading import HALLUCINATED, Grade
from trainables.scoring import mean, score_answers


def measures(study: Study, before: Sequence[GradedAnswer], after: Sequence[GradedAnswer]) -> dict[str, float]:
    """The score and its parts, and shares of answers, [0, 1], by group of characters."""
    groups = _groups(study)
    found = dict(vars(score_answers(before, after, study.roles, study.file.score)))
    for group, shown in groups.items():
        mine = [graded for graded in after if graded.character in shown]
        found[f"wrong names, {group}"] = mean(graded.grade in HALLUCINATED for graded in mine)
    strangers = {*groups["seen negatives"], *groups["unseen negatives"]}
    for group, names in (("targets", set(groups["targets"])), ("negatives", strangers)):
        mine = [graded for graded in after if graded.character in names]
        found[f"abstained, {group}"] = mean(graded.grade == Grade.abstain for graded in mine)
    return found


def _groups(study: Study) -> Mapping[str, Sequence[str]]:
    seen = study.trained_negatives
    unseen = [name for name in study.named("negative") if name not in seen]
    return {
        "targets": study.named("target"),
        "controls": study.named("control"),
        "seen negatives": seen,
        "unseen negatives": unseen,
        "unseen negatives and controls": [*unseen, *study.named("control")],
        "all": study.names,
    }


def means(found: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """The mean of each measure, to four decimals."""
    return {name: round(mean(one[name] for one in found), 4) for name in found[0]} if found else {}
