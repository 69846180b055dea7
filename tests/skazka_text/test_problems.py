"""Refusals: one line each, `file:line field: message — remedy`, and all of them at once."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError, field_validator

from skazka_text.problems import InputError, Problem, ValueRefused, problems_of, read_yaml, refuse, validate

deterministic = settings(derandomize=True, deadline=None, max_examples=60, database=None)


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid")

    name: str
    size: int = 1


class Whole(BaseModel):
    model_config = ConfigDict(extra="forbid")

    title: str
    parts: list[Part] = []


@pytest.mark.parametrize(
    ("problem", "text"),
    [
        (Problem("a.yaml", "b[2].c", "must be x", "write x", 14), "a.yaml:14 b[2].c: must be x — write x"),
        (Problem("a.yaml", "b", "must be x", "write x"), "a.yaml b: must be x — write x"),
        (Problem("a.yaml", "", "must be x", line=3), "a.yaml:3 must be x"),
        (Problem("", "--run", "is taken", "choose another"), "--run: is taken — choose another"),
    ],
)
def test_a_problem_reads_as_one_sentence(problem: Problem, text: str) -> None:
    assert str(problem) == text


@deterministic
@given(st.text(), st.text(), st.text())
def test_a_problem_is_one_line_whatever_came(field: str, message: str, remedy: str) -> None:
    assert len(str(Problem("a.yaml", field, message, remedy, 1)).splitlines()) <= 1


def test_an_error_carries_every_problem() -> None:
    problems = [Problem("a.yaml", "b", "first", line=1), Problem("c.jsonl", "d", "second", line=2)]
    with pytest.raises(InputError) as caught:
        refuse(problems)
    assert caught.value.problems == problems
    assert str(caught.value).splitlines() == ["a.yaml:1 b: first", "c.jsonl:2 d: second"]


def test_nothing_to_refuse_is_no_error() -> None:
    refuse([])


def test_every_wrong_field_is_reported_with_its_line(tmp_path: Path) -> None:
    path = tmp_path / "whole.yaml"
    path.write_text("# a comment\nparts:\n  - name: wheel\n    size: big\n  - size: 2\n    colour: red\n")
    with pytest.raises(InputError) as caught:
        validate(Whole, read_yaml(path))
    assert {(problem.line, problem.field) for problem in caught.value.problems} == {
        (2, "title"),  # missing: the mapping it is missing from
        (4, "parts[0].size"),
        (5, "parts[1].name"),
        (6, "parts[1].colour"),
    }
    assert all(problem.file == "whole.yaml" and problem.remedy for problem in caught.value.problems)
    assert "unknown key 'colour'" in str(caught.value)


@pytest.mark.parametrize(
    ("content", "line"),
    [
        (b"title: [a\nparts: b\n", 2),
        (b"title: a\n\tparts: b\n", 2),
        (b"title: \xcf\xf0\xe8\n", None),
        (b"title: a\x00b\n", None),
    ],
    ids=["unclosed list", "tab", "cp1251", "zero byte"],
)
def test_what_is_no_yaml_is_refused_with_its_line(tmp_path: Path, content: bytes, line: int | None) -> None:
    path = tmp_path / "whole.yaml"
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_yaml(path)
    [problem] = caught.value.problems
    assert (problem.file, problem.line) == ("whole.yaml", line)
    assert "not valid YAML" in problem.message
    assert problem.remedy


def test_a_missing_file_is_refused_with_its_path(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        read_yaml(tmp_path / "no.yaml")


def test_an_impossible_date_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "whole.yaml"
    path.write_text("title: 2024-13-01\n")
    with pytest.raises(InputError):
        read_yaml(path)


def test_yaml_that_contains_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "whole.yaml"
    path.write_text("title: a\nparts: &parts [*parts]\n")
    with pytest.raises(InputError):
        validate(Whole, read_yaml(path))


def test_a_key_written_twice_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "whole.yaml"
    path.write_text("title: first\ntitle: second\n")
    with pytest.raises(InputError, match=r"whole\.yaml:2"):
        read_yaml(path)


def test_a_problem_drives_no_terminal_and_tells_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_TOKEN", "hf_0123456789")
    problem = Problem("a\x1b[2J.yaml", "b\u202e", "401 for hf_0123456789\x07", "try\x9b again", 1)
    assert str(problem) == r"a\x1b[2J.yaml:1 b\u202e: 401 for ***\x07 — try\x9b again"


LISTS = "a: &a [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"{name}: &{name} [{', '.join([f'*{before}'] * 10)}]\n" for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGES = "a: &a {x: 1}\n" + "".join(
    f"{name}: &{name} {{<<: [{', '.join([f'*{before}'] * 10)}]}}\n"
    for before, name in zip("abcdefgh", "bcdefghi", strict=True)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (LISTS, "too many values"),
        (MERGES, "too many values"),
        (LISTS + "? *i\n: x\n", "too many values"),
        ("title: &a {title: *a}\n", "inside its own anchor"),
        ("? &a [*a]\n: x\n", "inside its own anchor"),
        ("title: '" + "a" * 1024 * 1024 + "'\n", "more than 1048576"),
        ("[" * 20_000, "not valid YAML"),
        ("title: !!python/object/apply:os.system ['touch /tmp/never']\n", "not valid YAML"),
        ("title: !!python/name:os.system\n", "not valid YAML"),
    ],
    ids=["laughs", "merges", "key", "itself", "itself as key", "bytes", "deep", "call", "name"],
)
def test_a_yaml_bomb_is_refused(tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "whole.yaml").write_text(text)
    with pytest.raises(InputError, match=message):
        read_yaml(tmp_path / "whole.yaml")


def test_an_alias_is_fine(tmp_path: Path) -> None:
    (tmp_path / "whole.yaml").write_text("a: &a {x: 1}\nb: {<<: *a, y: 2}\nc: [*a, *a]\n")
    assert read_yaml(tmp_path / "whole.yaml").data["b"] == {"x": 1, "y": 2}


def test_a_refusal_keeps_its_remedy_apart_between_processes() -> None:
    refused = pickle.loads(pickle.dumps(ValueRefused("the range is empty — so to say", "turn it round")))
    assert (refused.message, refused.remedy) == ("the range is empty — so to say", "turn it round")
    assert str(refused) == "the range is empty — so to say — turn it round"


def test_what_a_check_says_is_never_taken_apart() -> None:
    class Range(BaseModel):
        low: int

        @field_validator("low")
        @classmethod
        def _check(cls, low: int) -> int:
            raise ValueRefused("must be low — very low", "lower it")

    with pytest.raises(ValidationError) as refused:
        Range(low=3)
    [problem] = problems_of(refused.value, "a.yaml")
    assert (problem.message, problem.remedy) == ("must be low — very low, got 3", "lower it")
