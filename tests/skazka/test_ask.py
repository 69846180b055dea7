"""What `skazka ask` shows."""

from __future__ import annotations

import io
import json

import pytest
from click.testing import CliRunner, Result
from rich.console import Console

from search.outputs import asking
from search.outputs.asking import Asked, Reply, Said
from skazka.asking import percent, show
from skazka.cli import main

LONG = "Мне кажется, что на этой картинке нарисован Крокодил Гена, но может быть, что это кто-нибудь другой."
ASKED = Asked(
    "t0007-r2",
    "lora_v2-r2",
    "as asked",
    "/models/base",
    "Кто это?",
    (
        Reply(
            "photos/gena.jpg",
            Said("Не знаю.", (), {"Матрёшка": 0.6, "Крокодил Гена": 0.3995, "Колобок": 0.0005, "Алёша": 0.0}),
            Said(LONG, ("Крокодил Гена",), {"Крокодил Гена": 0.999, "Матрёшка": 0.001}),
        ),
        Reply("\x1b[31m.png", Said("", (), {}), Said("[red]x[/red]\n\x1b[2J", (), {})),
    ),
)


def screen(width: int) -> list[str]:
    console = Console(file=io.StringIO(), width=width)
    show(console, ASKED)
    text: str = console.file.getvalue()  # type: ignore[attr-defined]
    return text.splitlines()


@pytest.mark.parametrize("width", [80, 100, 140])
def test_the_screen_holds_all_of_an_answer(width: int) -> None:
    lines = screen(width)
    assert max(map(len, lines)) <= width
    assert lines[:2] == ["adapter   t0007-r2 lora_v2-r2: as asked", "question  Кто это?"]
    assert "photos/gena.jpg" in lines
    words = " ".join(" ".join(lines).split())
    for word in LONG.split():
        assert word in words
    assert "60 % Матрёшка" in words
    assert "< 1 % Колобок" in words
    assert "Алёша" not in words
    assert r"\x1b[31m.png" in lines
    assert r"[red]x[/red]\n\x1b[2J" in words


def test_percents_do_not_round_to_nothing_or_all() -> None:
    assert [percent(share) for share in (0, 0.004, 0.01, 0.5, 0.99, 0.996, 1)] == [
        "0 %",
        "< 1 %",
        "1 %",
        "50 %",
        "99 %",
        "> 99 %",
        "100 %",
    ]


def call(monkeypatch: pytest.MonkeyPatch, *options: str) -> tuple[Result, dict[str, object]]:
    got: dict[str, object] = {}

    def ask(run: object, pictures: object, **others: object) -> Asked:
        print("a library speaks")
        got.update(others, run=str(run), pictures=pictures)
        return ASKED

    monkeypatch.setattr(asking, "ask", ask)
    return CliRunner().invoke(main, ["ask", "runs/first", "a.png", "b.png", *options]), got


def test_json_stands_alone_on_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    result, got = call(monkeypatch, "--json", "--question", "Кто?", "--trial", "t0007-r2", "--base-model", "m")
    found = json.loads(result.stdout)
    assert found["trial"] == "t0007-r2"
    assert found["replies"][0]["adapter"] == {
        "text": LONG,
        "names": ["Крокодил Гена"],
        "odds": {"Крокодил Гена": 0.999, "Матрёшка": 0.001},
    }
    assert got == {
        "run": "runs/first",
        "pictures": ("a.png", "b.png"),
        "question": "Кто?",
        "trial": "t0007-r2",
        "base_model": "m",
        "trust_remote_code": False,
    }


def test_without_json_people_read_a_table(monkeypatch: pytest.MonkeyPatch) -> None:
    result, _ = call(monkeypatch)
    assert result.exit_code == 0
    assert "photos/gena.jpg" in result.stdout
