"""The agreement of the grader with readers over a set that is brought."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.grading import Judged, agreement_of_set, disagreements_of_set, read_set

STUDIES = {
    "small": {
        "characters": [
            {"name": "Гена", "role": "target", "aliases": ["Gena"]},
            {"name": "Колобок", "role": "control", "aliases": []},
            {"name": "Рыцарь", "role": "negative", "aliases": []},
        ],
        "lexicon": {"Карлсон": ["Karlsson"]},
    }
}
ROWS = [
    ("s1", "short", "Гена", "correct", "correct"),
    ("s2", "short", "Колобок", "wrong_known", "mixed"),
    ("s3", "short", "Не Колобок", "no_name", "wrong_known"),
    ("v1", "vlm", "This is Karlsson.", "wrong_unknown", "wrong_unknown"),
]


@pytest.fixture
def judged(tmp_path: Path) -> list[Judged]:
    rows = [
        {
            "id": key,
            "style": style,
            "study": "small",
            "character": "Гена",
            "kind": "name",
            "question": "Кто это?",
            "accepted": [],
            "allowed_names": [],
            "answer": answer,
            "grades": {"reader 1": first, "reader 2": second},
        }
        for key, style, answer, first, second in ROWS
    ]
    (tmp_path / "answers.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    (tmp_path / "studies.json").write_text(json.dumps(STUDIES), encoding="utf-8")
    return read_set(tmp_path / "answers.jsonl", tmp_path / "studies.json")


def test_agreement_is_counted_by_style_and_pair(judged: list[Judged]) -> None:
    lines = agreement_of_set(judged).splitlines()
    assert "| short | 3 | reader 1, reader 2 | 1 (0.333) | 2 (0.667) |" in lines
    assert "| short | 3 | reader 1, grader | 3 (1.000) | 3 (1.000) |" in lines
    assert "| vlm | 1 | reader 2, grader | 1 (1.000) | 1 (1.000) |" in lines
    assert "| all | 4 | reader 2, grader | 2 (0.500) | 3 (0.750) |" in lines


def test_what_is_not_graded_alike_is_listed(judged: list[Judged]) -> None:
    lines = disagreements_of_set(judged).splitlines()[2:]
    assert [line.split(" | ")[0] for line in lines] == ["| s2", "| s3"]
