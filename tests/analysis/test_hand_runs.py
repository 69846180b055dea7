"""The golden case: the team's hand-made runs, every cell as they counted it, in the order behind their verdict."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hand_runs import HandRun, hand_runs

from analysis.facts.knobs import effects
from analysis.facts.outcomes import Tried
from analysis.messages.catalogue import Messages
from analysis.messages.words import heading
from analysis.render.document import Facts, Section
from analysis.sections.characters import problems, stability, successes
from analysis.sections.knobs import knob_section

ALYOSHA, GENA, SPIDER = "Алёша Попович", "Крокодил Гена", "Человек-паук"
ALL = (3, 3)
# (right, asked) before and after; then whom the character was called, "?" where only that it was is known.
Cell = tuple[tuple[int, int], tuple[int, int], str | None]
EXPECTED: dict[str, dict[str, Cell]] = {
    "lora_init": {
        "Чебурашка": ((0, 3), (0, 3), None),
        "Колобок": ((0, 3), (3, 4), None),
        ALYOSHA: ((1, 3), (0, 3), "?"),
        GENA: ((0, 3), (4, 4), None),
        "Матрёшка": (ALL, ALL, None),
        SPIDER: (ALL, (2, 4), GENA),
        "Супермен": (ALL, ALL, None),
    },
    "lora_v1": {
        "Чебурашка": ((0, 3), (3, 3), None),
        "Колобок": ((0, 3), (0, 3), "Чебурашка"),
        ALYOSHA: ((1, 3), (0, 3), "?"),
        GENA: ((0, 3), (2, 3), "Чебурашка"),
        "Матрёшка": (ALL, ALL, None),
        SPIDER: (ALL, ALL, None),
        "Супермен": (ALL, ALL, None),
    },
    "lora_v2": {
        "Чебурашка": ((0, 3), (3, 3), None),
        "Колобок": ((0, 3), (1, 3), "?"),
        ALYOSHA: ((1, 3), (1, 3), "Карлсон"),
        GENA: ((0, 3), (3, 3), None),
        "Матрёшка": (ALL, ALL, None),
        SPIDER: (ALL, ALL, None),
        "Супермен": (ALL, (2, 3), "колибри"),
    },
    "lora_v3": {
        "Чебурашка": ((0, 3), (2, 3), "Колобок"),
        "Колобок": ((0, 3), (1, 3), "?"),
        ALYOSHA: ((1, 3), (2, 3), "Чебурашка"),
        GENA: ((0, 3), (2, 3), "Чебурашка"),
        "Матрёшка": (ALL, ALL, None),
        SPIDER: (ALL, ALL, None),
        "Супермен": (ALL, ALL, None),
    },
}
HEADINGS = {
    "lora_init": "images of each character; lora_r=16, lora_alpha=16, lora_dropout=0.05, max_length=128, num_epochs=30",
    "lora_v1": "images of each character; lora_r=8, lora_alpha=16, lora_dropout=0.05, max_length=256, num_epochs=30",
    "lora_v2": "images of each character; lora_r=16, lora_alpha=32, lora_dropout=0.1, max_length=256, num_epochs=25",
    "lora_v3": "images of each character; lora_r=32, lora_alpha=32, lora_dropout=0.15, max_length=128, num_epochs=25",
}


ENGLISH = Messages("en")


@pytest.fixture(scope="module")
def runs() -> dict[str, HandRun]:
    return hand_runs()


@pytest.fixture(scope="module")
def tried(runs: dict[str, HandRun]) -> list[Tried]:
    """Best first, as a report has them."""
    return sorted((run.tried for run in runs.values()), key=lambda each: each.score.score, reverse=True)


def _facts(section: Section) -> dict[str, str]:
    return {name: text for block in section.blocks if isinstance(block, Facts) for name, text in block.items}


def _words(right: int, asked: int) -> str:
    return f"all {asked} questions answered right" if right == asked else f"{right} of {asked} questions answered right"


@pytest.mark.parametrize("name", EXPECTED)
def test_every_cell_is_as_the_team_counted_it(runs: dict[str, HandRun], name: str) -> None:
    images = 10 if name == "lora_init" else 25
    assert heading(name, runs[name].knobs, ENGLISH) == f"{name} ({images} {HEADINGS[name]})"
    rows = [one.row(ENGLISH) for one in runs[name].characters]
    assert [row.character for row in rows] == list(EXPECTED[name])
    for row, (before, after, named) in zip(rows, EXPECTED[name].values(), strict=True):
        assert row.before == _words(*before)
        assert row.after == _words(*after)
        assert ("hallucination" in row.status) == (named is not None)
        assert named in (None, "?") or f": {named} (" in row.status
    spongebob = {one.name for one in runs[name].characters if one.named_before == "Спанч-Боб"}
    assert spongebob == {GENA}


@pytest.mark.parametrize("name", EXPECTED)
def test_a_status_says_what_the_counts_say(runs: dict[str, HandRun], name: str) -> None:
    for one, ((right, _), (right_after, asked), _) in zip(runs[name].characters, EXPECTED[name].values(), strict=True):
        status = one.row(ENGLISH).status
        if one.name in ("Матрёшка", SPIDER, "Супермен"):
            expected = "stable: no right answer lost" if right_after == asked else "right answer"
        elif right_after > right:
            expected = f"more right answers: {right} → {right_after}"
        else:
            expected = "no improvement" if right_after == right else f"fewer right answers: {right} → {right_after}"
        assert status.startswith(expected) or (expected == "right answer" and expected in status)
        # Counts alone prove nothing.
        assert "p =" not in status


def test_the_verdict_is_lora_v2(tried: Sequence[Tried]) -> None:
    order = [(each.label, round(each.score.score, 4)) for each in tried]
    assert order == [("lora_v2", 0.2579), ("lora_v3", 0.2143), ("lora_v1", 0.119), ("lora_init", 0.0446)]


def test_each_run_has_the_flagged_characters_of_the_report(runs: dict[str, HandRun]) -> None:
    flagged = {name: [one.name for one in run.characters if one.hallucinated] for name, run in runs.items()}
    assert flagged == {
        "lora_init": ["Алёша Попович", "Человек-паук"],
        "lora_v1": ["Колобок", "Алёша Попович", "Крокодил Гена"],
        "lora_v2": ["Колобок", "Алёша Попович", "Супермен"],
        "lora_v3": ["Чебурашка", "Колобок", "Алёша Попович", "Крокодил Гена"],
    }


def test_a_control_loses_its_share_as_flips(runs: dict[str, HandRun]) -> None:
    flips = {one.name: one.change.flips for one in runs["lora_init"].characters}
    assert flips["Человек-паук"] == 0.5
    assert flips["Матрёшка"] == 0
    assert runs["lora_init"].score.degradation == pytest.approx(1 / 6)


def test_the_successes_are_those_of_the_counts(tried: Sequence[Tried]) -> None:
    facts = _facts(successes(tried, ENGLISH))
    assert facts["Чебурашка"].startswith("best with lora_v2 (0 → 3 of 3), lora_v1 (0 → 3 of 3).")
    assert "max_length=256" in facts["Чебурашка"]
    assert facts["Колобок"].startswith("best with lora_init (0/3 → 3/4).")
    assert facts[GENA].startswith("best with lora_v2 (0 → 3 of 3), lora_init (0/3 → 4/4).")
    # What the hand-written report calls a failure throughout was learnt in part by one of its own runs.
    assert facts[ALYOSHA].startswith("best with lora_v3 (1 → 2 of 3).")


def test_the_problems_are_those_of_the_best(tried: Sequence[Tried]) -> None:
    facts = _facts(problems(tried, tried[0].label, {}, [], ENGLISH))
    assert set(facts) == {"Колобок", ALYOSHA, "Controls"}
    assert "Чебурашка (1)" in facts["Колобок"]
    assert "Карлсон (1), Чебурашка (1)" in facts[ALYOSHA]
    assert facts["Controls"].endswith("Человек-паук (1 of 4), Супермен (1 of 4).")


def test_the_stable_controls_are_those_of_the_counts(tried: Sequence[Tried]) -> None:
    facts = _facts(stability(tried, ENGLISH))
    assert facts["Матрёшка"].startswith("stable with all 4 configurations")
    assert (
        facts[SPIDER] == "stable with 3 of 4 configurations; otherwise: lora_init (lost 2 of 4, called Крокодил Гена)."
    )
    assert facts["Супермен"] == "stable with 3 of 4 configurations; otherwise: lora_v2 (lost 1 of 3, called колибри)."


def test_four_runs_cannot_tell_what_max_length_does(tried: Sequence[Tried]) -> None:
    # (0.1190 + 0.2579) / 2 - (0.0446 + 0.2143) / 2
    found = effects([(each.knobs, each.score.score) for each in tried])
    said = _facts(knob_section(found, len(tried), None, "", ENGLISH))["max_length"]
    assert said.startswith("256 against 128: score +0.0590, but 2 and 2 trials are too few to tell.")


def test_the_table_is_told_in_russian_too(runs: dict[str, HandRun]) -> None:
    row = runs["lora_v2"].characters[6].row(Messages("ru"))
    assert row.character == "Супермен"
    assert row.before == "правильный ответ на все 3 вопроса"
    assert row.after == "правильный ответ на 2 из 3 вопросов"
    assert row.status == (
        "потерян 1 правильный ответ (всего 3 → 2); "
        "галлюцинация: чужое имя в 1 ответе (до дообучения: 0): колибри (1 раз)"
    )
