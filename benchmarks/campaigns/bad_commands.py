"""Bad options, bad run folders and bad adapters."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path

from benchmarks.campaigns.spoiling import (
    LONG,
    PICTURE,
    TRAINING,
    YAML,
    Case,
    Spoil,
    both,
    data,
    drop,
    edit,
    folder_instead,
    nothing,
    remove,
    row,
    text,
)
from search.outputs.adapter_record import ADAPTER_FILES, RECORD

LAUNCH = ("launch", "study", "--run", "new")
LEDGER, CHECKPOINT = "run/ledger.sqlite", "run/trials/t0000/epoch-0001"
# As a shell hands over a name that is no UTF-8, and how a refusal shows it.
NO_UTF8, SHOWN = "\udcff", r"\udcff"
RED, RED_SHOWN = "\x1b[31m", r"\x1b[31m"


def _option(name: str, value: str, field: str = "", command: tuple[str, ...] = LAUNCH) -> Case:
    """An option with a bad value."""
    return Case(f"{command[0]}: {name} {value[:40]!r}", nothing, (*command, name, value), "", field or name)


def _launch(name: str, spoil: Spoil, file: str, field: str, command: tuple[str, ...] = LAUNCH) -> Case:
    return Case(f"launch: {name}", spoil, command, file, field)


OPTIONS = [
    _option("--trials", "0"),
    _option("--trials", "-1"),
    _option("--seed", "-5"),
    _option("--seed", "9" * 30),
    _option("--gpus-per-trial", "-1"),
    _option("--gpus-per-trial", "nan"),
    _option("--gpus-per-trial", "inf"),
    _option("--gpus-per-trial", "1.5"),
    _option("--cpus-per-trial", "0"),
    _option("--cpus-per-trial", "-1"),
    _option("--cpus-per-trial", "nan"),
    _option("--cpus-per-trial", "inf"),
    _option("--max-concurrent", "0"),
    _option("--max-concurrent", "-3"),
    _option("--max-failures", "-1"),
    _option("--max-lost", "-1"),
    _option("--time-budget", "0"),
    _option("--time-budget", "0.0h"),
    _option("--time-budget", "9" * 400),
    _option("--trial-timeout", "0s"),
    _option("--address", ""),
    _option("--address", "nonsense"),
    _option("--address", "localhost:"),
    _option("--address", ":6379"),
    _option("--address", "localhost:port"),
    _option("--address", "localhost:²"),
    _option("--address", "localhost:99999"),
    _option("--address", "a..b:6379"),
    _option("--address", f"{LONG}:6379"),
    _option("--address", "http://localhost:6379"),
    _option("--address", "127.0.0.1:1"),
    _option("--space", "nowhere", "space"),
    _option("--space", "study", "space"),
    _option("--space", LONG, "space"),
    _option("--space", NO_UTF8, "space"),
    _option("--run", "study", command=LAUNCH[:2]),
    _option("--run", "study/study.yaml", command=LAUNCH[:2]),
    _option("--run", "study/study.yaml/new", command=LAUNCH[:2]),
    _option("--run", LONG, command=LAUNCH[:2]),
    _option("--run", "~no-such-user/new", command=LAUNCH[:2]),
    _launch("--run of another run", nothing, "", "--run", ("launch", "study", "--run", "run")),
    _launch("a bad role", edit(YAML, 9, "target", "hero"), "study.yaml:9", "characters[0].role"),
    _launch("a bad row", row(TRAINING, 2, answer=""), "training.jsonl:2", "answer"),
    _launch("a bad picture", data(PICTURE, b""), "training.jsonl:2", "image"),
    _launch("replay searched without rows", drop(YAML, 6, *range(19, 25)), "study.yaml", "replay"),
    _launch(
        "a space file with a bad knob",
        text("own.yaml", "rnak: {choice: [4]}"),
        "own.yaml:1",
        "rnak",
        (*LAUNCH, "--space", "own.yaml"),
    ),
    _launch("a space file that is empty", text("own.yaml", ""), "own.yaml", "", (*LAUNCH, "--space", "own.yaml")),
    _launch("no study", nothing, "nowhere", "", ("launch", "nowhere", "--run", "new")),
]


def _study(name: str, argument: str, file: str, field: str = "") -> Case:
    """`skazka check` of something that is no study."""
    return Case(f"check: {name}", nothing, ("check", argument), file, field)


NO_STUDIES = [
    _study("nothing there", "nowhere", "nowhere"),
    _study("a folder without study.yaml", "study/images", "study/images"),
    _study("a picture", "study/images/test-1.png", "test-1.png"),
    _study("a space", "study/own.yaml", "own.yaml:1", "learning_rate"),
    _study("a name too long", LONG, LONG),
    _study("no UTF-8", NO_UTF8, SHOWN),
    _study("a name that colours the terminal", RED, RED_SHOWN),
    _study("nobody's home", "~no-such-user/study", "~no-such-user/study"),
    _study("below a file", "study/own.yaml/study", "study/own.yaml/study"),
]


def _empty(folder: Path) -> None:
    (folder / "empty").mkdir()


SHOWN_PICTURE = "study/images/test-1.png"
# What a command needs beside a run.
MORE = {"export": ("--to", "new"), "ask": (SHOWN_PICTURE,)}


def _no_run(command: str) -> list[Case]:
    """What is no run folder, for one command."""
    more = MORE.get(command, ())
    cases: list[tuple[str, Spoil, str]] = [
        ("nothing there", nothing, "nowhere"),
        ("a file", text("file", "x"), "file"),
        ("below a file", text("file", "x"), "file/run"),
        ("an empty folder", _empty, "empty"),
        ("a study", nothing, "study"),
        ("no ledger", both(remove(LEDGER), remove("run/ledger.backup.sqlite")), "run"),
        ("a folder as ledger", both(folder_instead(LEDGER), remove("run/ledger.backup.sqlite")), "run"),
        ("no study in it", lambda folder: shutil.rmtree(folder / "run" / "study"), "run"),
        ("a name too long", nothing, LONG),
        ("no UTF-8", nothing, NO_UTF8),
        ("nobody's home", nothing, "~no-such-user/run"),
    ]
    return [Case(f"{command}: {name}", spoil, (command, path, *more), "", "RUN") for name, spoil, path in cases]


def _driven(folder: Path) -> object:
    """Another process holds the run: closed, and so released, when the command is done."""
    file = (folder / "run" / "driver.lock").open("w")
    fcntl.flock(file, fcntl.LOCK_EX)
    return file


def _run(command: str, name: str, spoil: Spoil, file: str, field: str = "") -> Case:
    """A run whose own files were touched."""
    more = ("--to", "new") if command == "export" else ()
    return Case(f"{command}: {name}", spoil, (command, "run", *more), file, field)


RESUME = ("resume", "run")
RUNS = [
    *(case for command in ("resume", "status", "report", "export", "ask") for case in _no_run(command)),
    _option("--trials", "0", command=RESUME),
    _option("--trials", "-1", command=RESUME),
    _option("--time-budget", "0", command=RESUME),
    _option("--time-budget", "9" * 400, command=RESUME),
    _option("--address", "nonsense", command=RESUME),
    _option("--address", "127.0.0.1:1", command=RESUME),
    _option("--address", "localhost:99999", command=RESUME),
    _run("resume", "driven by another", _driven, "", "RUN"),
    _run("resume", "study changed", edit("run/study/study.yaml", 22, "8", "16"), "study/study.yaml"),
    _run("resume", "study broken", text("run/study/study.yaml", "{"), "study/study.yaml"),
    _run("resume", "study gone", remove("run/study/study.yaml"), "study/study.yaml"),
    _run("resume", "rows changed", drop("run/study/training.jsonl", 1), "study/training.jsonl"),
    _run("resume", "picture gone", remove("run/study/images/train-1.png"), "study/images/train-1.png"),
    _run("resume", "picture changed", data("run/study/images/train-1.png", b""), "study/images/train-1.png"),
    _run("resume", "picture new", data("run/study/images/new.png", b""), "study/images/new.png"),
    _run("resume", "space gone", remove("run/space.json"), "space.json"),
    _run("resume", "space broken", text("run/space.json", "{"), "space.json"),
    _run("resume", "space changed", edit("run/space.json", 1, "{", "{ "), "space.json"),
    _run("report", "study broken", text("run/study/study.yaml", "{"), "study/study.yaml"),
    _run("report", "study changed", edit("run/study/study.yaml", 22, "8", "16"), "study/study.yaml"),
    _run("report", "rows gone", remove("run/study/probes.jsonl"), "study/study.yaml:5", "probes"),
    _run("report", "rows changed", row("run/study/probes.jsonl", 1, id="other"), "study/probes.jsonl"),
]


def _without_checkpoint(folder: Path) -> None:
    shutil.rmtree(folder / CHECKPOINT)


def _export(name: str, spoil: Spoil, field: str, *more: str, run: str = "run", to: str = "new") -> Case:
    return Case(f"export: {name}", spoil, ("export", run, "--to", to, *more), "", field)


def _checkpoint(name: str, spoil: Spoil) -> Case:
    return _export(f"checkpoint {name}", spoil, "--trial")


ADAPTERS = [
    _export("no trial has a score", nothing, "RUN", run="unscored"),
    _export("trial unknown", nothing, "--trial", "--trial", "t9999"),
    _export("trial failed", nothing, "--trial", "--trial", "t0001"),
    _export("trial without a name", nothing, "--trial", "--trial", ""),
    _export("trial a path", nothing, "--trial", "--trial", "../t0000"),
    _export("target not empty", text("file", "x"), "--to", to="."),
    _export("target a file", text("file", "x"), "--to", to="file"),
    _export("target below a file", text("file", "x"), "--to", to="file/new"),
    _export("target the run itself", nothing, "--to", to="run"),
    _export("target name too long", nothing, "--to", to=LONG),
    _export("target in nobody's home", nothing, "--to", to="~no-such-user/new"),
    _export("target below a folder to be made", remove(f"{CHECKPOINT}/checkpoint.json"), "--trial", to="new/adapter"),
    _checkpoint("gone", _without_checkpoint),
    _checkpoint("a file", both(_without_checkpoint, data(CHECKPOINT, b""))),
    _checkpoint("without weights", remove(f"{CHECKPOINT}/adapter_model.safetensors")),
    _checkpoint("without adapter config", remove(f"{CHECKPOINT}/adapter_config.json")),
    _checkpoint("with weights of no byte", data(f"{CHECKPOINT}/adapter_model.safetensors", b"")),
    _checkpoint("with other weights", data(f"{CHECKPOINT}/adapter_model.safetensors", b"other")),
    _checkpoint("without its list", remove(f"{CHECKPOINT}/checkpoint.json")),
    _checkpoint("with a broken list", text(f"{CHECKPOINT}/checkpoint.json", "{")),
    _checkpoint("with a list of another kind", text(f"{CHECKPOINT}/checkpoint.json", "[1]")),
    _checkpoint("with a list that is a folder", folder_instead(f"{CHECKPOINT}/checkpoint.json")),
]

# The base model is a folder with a config alone: peft's adapter needs the processor beside it.
BASES = [
    Case(
        "export: base model without a processor",
        nothing,
        ("export", "run", "--to", "new"),
        "study.yaml",
        "base_model.id",
    )
]


def _ask(name: str, spoil: Spoil, field: str, *more: str, run: str = "run") -> Case:
    return Case(f"ask: {name}", spoil, ("ask", run, *more), "", field)


def _exported(record: str | None) -> Spoil:
    """A folder as an export leaves it, but for its record."""

    def spoil(folder: Path) -> None:
        (folder / "adapter").mkdir()
        for name in ADAPTER_FILES:
            shutil.copyfile(folder / CHECKPOINT / name, folder / "adapter" / name)
        if record is not None:
            (folder / "adapter" / RECORD).write_text(record)

    return spoil


def _adapter(name: str, record: str | None, file: str, field: str) -> Case:
    return Case(f"ask: an adapter {name}", _exported(record), ("ask", "adapter", SHOWN_PICTURE, "run/x"), file, field)


ASKED = [
    _ask("no picture", nothing, "PICTURE"),
    _ask("a picture that is not there", nothing, "PICTURE", "nowhere.png"),
    _ask("a folder as picture", nothing, "PICTURE", "study/images"),
    _ask("a text as picture", nothing, "PICTURE", "study/own.yaml"),
    _ask("an empty picture", data(PICTURE, b""), "PICTURE", PICTURE),
    _ask("a picture of no UTF-8 name", nothing, "PICTURE", NO_UTF8),
    _ask("a picture of too long a name", nothing, "PICTURE", LONG),
    _ask("a device as picture", nothing, "PICTURE", "/dev/zero"),
    _ask("one bad picture of two", nothing, "PICTURE", SHOWN_PICTURE, "nowhere.png"),
    _ask("an empty question", nothing, "--question", SHOWN_PICTURE, "--question", ""),
    _ask("a blank question", nothing, "--question", SHOWN_PICTURE, "--question", " \t "),
    _ask("a question without end", nothing, "--question", SHOWN_PICTURE, "--question", LONG * 100),
    _ask("a question of no UTF-8", nothing, "--question", SHOWN_PICTURE, "--question", NO_UTF8),
    _ask("trial unknown", nothing, "--trial", SHOWN_PICTURE, "--trial", "t9999"),
    _ask("trial failed", nothing, "--trial", SHOWN_PICTURE, "--trial", "t0001"),
    _ask("no trial has a score", nothing, "RUN", SHOWN_PICTURE, run="unscored"),
    _ask("checkpoint gone", _without_checkpoint, "--trial", SHOWN_PICTURE),
    _ask("base model in no folder", nothing, "--base-model", SHOWN_PICTURE, "--base-model", "nowhere"),
    _ask("another base model", nothing, "--base-model", SHOWN_PICTURE, "--base-model", "study/images"),
    _adapter("without a record", None, "", "RUN"),
    _adapter("of an earlier version", '{"id": "t0", "name": "t0", "base_model": {"id": "m"}}', RECORD, "ask"),
    _adapter("with a record of another kind", "[1]", RECORD, ""),
    _adapter("with a broken record", "{", RECORD, ""),
    _adapter("with a record without a base", '{"id": "t0", "name": "t0"}', RECORD, "base_model"),
]

CASES = [*OPTIONS, *NO_STUDIES, *RUNS, *ADAPTERS, *BASES, *ASKED]
