"""The parts of the score are listed in one place: what a further part would touch."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import pytest

from analysis.messages.table import MESSAGES
from search.run.trial_row import TrialRow
from studies.study import ScoreWeights
from trainables.scoring import PART_NAMES, PARTS, SCORE_AND_PARTS, Change, OfScore, composite, score_of

ROOT = Path(__file__).parents[2]
PACKAGES = ("skazka_text", "spaces", "studies", "trainables", "search", "analysis", "skazka")
DECLARATION = "trainables/scoring.py"
# What a file of a study or of a run holds, and what people read.
SCHEMAS = ("studies/study.py", "search/run/trial_row.py")
CATALOGUES = (
    "analysis/messages/table.py",
    "analysis/messages/of_sections.py",
    "search/outputs/model_card.md.j2",
    "search/options.py",
)
# The chart of trade-offs has two axes whatever the parts are, and names which two.
EXCEPTIONS = ("analysis/sections/charts.py",)
TOUCHED = {DECLARATION, *SCHEMAS, *CATALOGUES, *EXCEPTIONS}


def scopes(tree: ast.Module) -> Iterator[ast.AST]:
    """Every statement of a module, and of its classes their functions apart: what says something in one breath."""
    for statement in tree.body:
        functions = [node for node in ast.walk(statement) if isinstance(node, ast.FunctionDef)]
        yield from functions
        if not functions:
            yield statement
        if isinstance(statement, ast.ClassDef):
            yield ast.Module([one for one in statement.body if not isinstance(one, ast.FunctionDef)], [])


def docstrings(scope: ast.AST) -> set[int]:
    """Strings that stand alone: they explain, and name what they explain."""
    return {id(node.value) for node in ast.walk(scope) if isinstance(node, ast.Expr)}


def parts_named(scope: ast.AST) -> set[str]:
    """The parts that a scope names: in strings, as attributes, fields, arguments or variables."""
    skipped, found = docstrings(scope), set()
    for node in ast.walk(scope):
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in skipped:
            found |= set(re.findall(r"[a-z]+", node.value))
        elif isinstance(node, ast.Attribute):
            found.add(node.attr)
        elif isinstance(node, ast.Name):
            found.add(node.id)
        elif isinstance(node, ast.keyword | ast.arg) and node.arg:
            found.add(node.arg)
    return found & set(PART_NAMES)


def listing(source: str) -> list[set[str]]:
    """The scopes of a source that name two parts or more."""
    return [named for scope in scopes(ast.parse(source)) if len(named := parts_named(scope)) > 1]


def test_the_parts_are_listed_where_a_further_one_would_be_entered_and_nowhere_else() -> None:
    found = set()
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if listing(path.read_text(encoding="utf-8")):
                found.add(path.relative_to(ROOT).as_posix())
        for path in (path for ending in ("j2", "js", "html") for path in (ROOT / package).rglob(f"*.{ending}")):
            if len(set(re.findall(r"[a-z]+", path.read_text(encoding="utf-8"))) & set(PART_NAMES)) > 1:
                found.add(path.relative_to(ROOT).as_posix())
    assert found == TOUCHED


@pytest.mark.parametrize(
    "source",
    [
        'PARTS = ("gain", "degradation")',
        'limits = {"degradation": 1, "hallucination": 2}',
        "def f(row):\n    return row.gain - row.degradation",
        'def f(row):\n    return f"gain {row}, hallucination {row}"',
        "class Score:\n    gain: float\n    degradation: float",
        "class Score:\n    def f(self, gain, hallucination):\n        pass",
    ],
)
def test_a_list_of_parts_is_found_however_it_is_written(source: str) -> None:
    assert listing(source)


def test_one_part_may_be_named_and_a_docstring_may_name_all() -> None:
    assert not listing('def f(row):\n    """Of gain, degradation and hallucination."""\n    return row.gain')
    assert not listing('def f(row):\n    return row.gain\n\n\ndef g(row):\n    return row["degradation"]')


def test_every_part_has_its_field_its_weight_and_its_meaning() -> None:
    assert tuple(field.name for field in fields(OfScore)) == SCORE_AND_PARTS
    assert set(SCORE_AND_PARTS) <= {field.name for field in fields(TrialRow)}
    assert [part.weight for part in PARTS if part.weight] == list(ScoreWeights.model_fields)
    assert {f"meaning_{name}" for name in PART_NAMES} <= set(MESSAGES)


def test_a_score_is_what_its_parts_are_worth() -> None:
    weights = ScoreWeights(degradation=2.0, hallucination=0.5)
    assert composite({"gain": 0.75, "degradation": 0.125, "hallucination": 0.25}, weights) == 0.375
    changes = [Change("a", "target", 0.25, 0.75, 0.0), Change("b", "control", 1.0, 0.75, 0.25)]
    assert list(vars(score_of(changes, before=0.25, after=0.5, weights=weights)).values()) == [-0.125, 0.5, 0.25, 0.25]
    # Fewer wrong names than before are no merit, and who has nothing to lose loses nothing.
    assert score_of(changes[:1], before=0.5, after=0.0, weights=weights).score == 0.5
