"""The team's hand-made runs through the same program: every cell as they counted it, and their verdict."""

from __future__ import annotations

import pytest

from analysis.hand_report import hand_document
from analysis.render.document import Document, Facts, Section, Table, Text

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


@pytest.fixture(scope="module")
def english() -> Document:
    return hand_document("en")


def _find(document: Document, key: str) -> Section:
    sections = [inner for section in document.sections for inner in (section, *section.sections)]
    return next(section for section in sections if section.key == key)


def _facts(section: Section) -> dict[str, str]:
    return {name: text for block in section.blocks if isinstance(block, Facts) for name, text in block.items}


def _words(right: int, asked: int) -> str:
    return f"all {asked} questions answered right" if right == asked else f"{right} of {asked} questions answered right"


@pytest.mark.parametrize("run", EXPECTED)
def test_every_cell_is_as_the_team_counted_it(english: Document, run: str) -> None:
    section = _find(english, f"trial-{run}")
    images = 10 if run == "lora_init" else 25
    assert section.title == f"{run} ({images} {HEADINGS[run]})"
    (table,) = [block for block in section.blocks if isinstance(block, Table)]
    assert [row[0] for row in table.rows] == list(EXPECTED[run])
    for (character, before, after, status), expected in zip(table.rows, EXPECTED[run].values(), strict=True):
        spongebob = " (a wrong name: “Спанч-Боб”)" if character == GENA else ""
        assert before == _words(*expected[0]) + spongebob
        assert after == _words(*expected[1])
        named = expected[2]
        assert ("hallucination" in str(status)) == (named is not None)
        if named is not None:
            said = "by the names of other characters" if named == "?" else f"by a wrong name, “{named}”"
            assert said in str(status)


@pytest.mark.parametrize("run", EXPECTED)
def test_a_status_says_what_the_counts_say(english: Document, run: str) -> None:
    (table,) = [block for block in _find(english, f"trial-{run}").blocks if isinstance(block, Table)]
    for (character, _, _, status), ((right, _), (right_after, asked), _) in zip(
        table.rows, EXPECTED[run].values(), strict=True
    ):
        if character in ("Матрёшка", SPIDER, "Супермен"):
            expected = "stable: no right answer lost" if right_after == asked else "right answer"
        elif right_after > right:
            expected = f"more right answers: {right} → {right_after}"
        else:
            expected = "no improvement" if right_after == right else f"fewer right answers: {right} → {right_after}"
        assert str(status).startswith(expected) or (expected == "right answer" and expected in str(status))
        # Counts alone prove nothing.
        assert "p =" not in str(status)


def test_the_verdict_is_lora_v2(english: Document) -> None:
    headline = _find(english, "verdict").blocks[0]
    assert isinstance(headline, Text)
    assert headline.text.startswith("The best of the hand-made configurations: lora_v2 (score 0.26)")
    assert headline.tone == "unsure"
    (table,) = [block for block in _find(english, "all").blocks if isinstance(block, Table)]
    order = [(name, round(float(str(score)), 4)) for name, score, *_ in table.rows]
    assert order == [("lora_v2", 0.2579), ("lora_v3", 0.2143), ("lora_v1", 0.119), ("lora_init", 0.0446)]
    assert any(isinstance(block, Text) and block.text.endswith("lora_v2.") for block in _find(english, "best").blocks)


def test_the_successes_are_those_of_the_counts(english: Document) -> None:
    facts = _facts(_find(english, "successes"))
    assert facts["Чебурашка"].startswith("best with lora_v2 (0 → 3 of 3), lora_v1 (0 → 3 of 3).")
    assert "max_length=256" in facts["Чебурашка"]
    assert facts["Колобок"].startswith("best with lora_init (0/3 → 3/4).")
    assert facts[GENA].startswith("best with lora_v2 (0 → 3 of 3), lora_init (0/3 → 4/4).")
    # What the hand-written report calls a failure throughout was learnt in part by one of its own runs.
    assert facts[ALYOSHA].startswith("best with lora_v3 (1 → 2 of 3).")


def test_the_problems_are_those_of_the_best(english: Document) -> None:
    facts = _facts(_find(english, "problems"))
    assert set(facts) == {"Колобок", ALYOSHA, "Controls"}
    assert "Чебурашка (1)" in facts["Колобок"]
    assert "Карлсон (1), Чебурашка (1)" in facts[ALYOSHA]
    assert facts["Controls"].endswith("Человек-паук (1 of 4), Супермен (1 of 4).")


def test_the_stable_controls_are_those_of_the_counts(english: Document) -> None:
    facts = _facts(_find(english, "stability"))
    assert facts["Матрёшка"].startswith("stable with all 4 configurations")
    assert (
        facts[SPIDER] == "stable with 3 of 4 configurations; otherwise: lora_init (lost 2 of 4, called Крокодил Гена)."
    )
    assert facts["Супермен"] == "stable with 3 of 4 configurations; otherwise: lora_v2 (lost 1 of 3, called колибри)."


def test_four_runs_cannot_tell_what_max_length_does(english: Document) -> None:
    # (0.1190 + 0.2579) / 2 - (0.0446 + 0.2143) / 2
    said = _facts(_find(english, "knobs"))["max_length"]
    assert said.startswith("256 against 128: score +0.0590, but 2 and 2 trials are too few to tell.")


def test_both_languages_tell_the_same(english: Document) -> None:
    russian = hand_document("ru")
    assert [section.key for section in russian.sections] == [section.key for section in english.sections]
    (table,) = [block for block in _find(russian, "trial-lora_v2").blocks if isinstance(block, Table)]
    assert list(table.rows[6]) == [
        "Супермен",
        "правильный ответ на все 3 вопроса",
        "правильный ответ на 2 из 3 вопросов",
        "потерян 1 правильный ответ (всего 3 → 2); галлюцинация: чужое имя «колибри»",
    ]
