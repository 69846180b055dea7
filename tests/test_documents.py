"""What the pages for those who change the code say of its files is so."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).parents[1]
PAGES = ("CONTRIBUTING.md", "docs/architecture.md", "CHANGELOG.md", "README.md", "README.ru.md")
QUOTED = re.compile(r"`([^`]+)`")


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the first table below a heading of a page, without its head."""
    text = (ROOT / page).read_text(encoding="utf-8").split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in text.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def names_in(node: ast.AST, prefix: str = "") -> Iterator[str]:
    """Every function and class below a node, methods as Class.method, and the keys of the tables of texts."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef):
            yield prefix + child.name
            yield from names_in(child, f"{prefix}{child.name}.")
        elif isinstance(child, ast.Dict):
            yield from (key.value for key in child.keys if isinstance(key, ast.Constant) and isinstance(key.value, str))
        else:
            yield from names_in(child, prefix)


@functools.cache
def declared(path: Path) -> frozenset[str]:
    """What a file declares."""
    return frozenset(names_in(ast.parse(path.read_text(encoding="utf-8"))))


def in_row(row: list[str]) -> list[str]:
    """What a row of a table quotes."""
    return QUOTED.findall(" ".join(row))


QUESTIONS = rows("docs/architecture.md", "Where to look")
RECIPES = rows("CONTRIBUTING.md", "Where a new thing goes")


@pytest.mark.parametrize("row", QUESTIONS, ids=lambda row: row[0])
def test_a_question_is_answered_where_the_page_says(row: list[str]) -> None:
    _, file, name = row
    assert QUOTED.sub(r"\1", name) in declared(ROOT / QUOTED.sub(r"\1", file))


def test_the_questions_that_must_be_answered_are() -> None:
    asked = " ".join(question for question, _, _ in QUESTIONS)
    for question in ("a grade become a score", "a killed trial handed out again", 'the sentence "improved" written'):
        assert question in asked


def test_every_room_is_described() -> None:
    described = {room for row in rows("docs/architecture.md", "Rooms") for room in in_row(row[:1])}
    packages = {"skazka_text", "spaces", "studies", "trainables", "search", "analysis", "skazka"}
    rooms = {path.parent.relative_to(ROOT) for package in packages for path in (ROOT / package).rglob("__init__.py")}
    left_out = {"studies/demo/", "search/outputs/wandb/"}
    assert described - {"benchmarks/"} == {f"{room.as_posix()}/" for room in rooms} - left_out


@pytest.mark.parametrize("row", RECIPES, ids=lambda row: row[0])
def test_a_new_thing_touches_as_many_files_as_the_page_says(row: list[str]) -> None:
    """A folder stands for one new file in it."""
    _, count, touched, tested = row
    files = QUOTED.findall(touched)
    assert int(count) == len(set(files)) == len(files)
    for name in [*files, *QUOTED.findall(tested)]:
        assert (ROOT / name).is_dir() if name.endswith("/") else (ROOT / name).is_file(), name


def test_everything_that_grows_has_its_line() -> None:
    grown = {"knob", "metric", "penalty", "option", "model family", "importer", "report section", "sampler", "storage"}
    assert grown <= {row[0].split(",")[0] for row in RECIPES}


@pytest.mark.parametrize("page", PAGES)
def test_links_of_a_page_lead_somewhere(page: str) -> None:
    file = ROOT / page
    links = re.findall(r"\]\(([^)#\s]+)\)", file.read_text(encoding="utf-8"))
    assert links
    assert [link for link in links if "://" not in link and not (file.parent / link).exists()] == []


def test_every_target_of_make_that_the_page_names_is_there() -> None:
    targets = re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    named = re.findall(r"^make ([a-z]+)", (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert named
    assert set(named) <= set(targets)


def test_pre_commit_runs_the_tools_of_the_environment() -> None:
    """Those that `make install` installs at the versions of the constraints."""
    (repo,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))["repos"]
    assert repo["repo"] == "local"
    entries = {hook["id"]: hook["entry"] for hook in repo["hooks"]}
    assert set(entries) == {"ruff", "ruff-format", "mypy"}
    assert all(entry.startswith(".venv/bin/") for entry in entries.values())
    pinned = {line.split("==")[0] for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split()}
    assert {"ruff", "mypy"} <= pinned
