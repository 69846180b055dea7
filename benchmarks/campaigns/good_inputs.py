"""A small good study and a finished run of it, built in code: what the campaign of bad inputs spoils."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from search.options import Options
from search.outputs.adapter_record import ADAPTER_FILES
from search.run.driver_lock import LOCK
from search.run.ledger import BASE, Ledger
from search.run.manifest import model_hash
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from spaces.trial_config import TrialConfig
from studies.files import sha256_of, write_sealed
from studies.study import Study, read_study
from trainables.answers import Answer, GradedAnswer, grade_answers, grader_of
from trainables.checkpoint_files import MANIFEST, checkpoint_folder
from trainables.facts import Facts
from trainables.scoring import score_answers

TRIALS = 2

# The cases name these lines by number.
STUDY = """\
name: small
language: en
base_model: {id: model, dtype: float32}
training: training.jsonl
probes: probes.jsonl
replay: replay.jsonl
characters:
  - name: Gena
    role: target
    aliases: [Crocodile]
  - name: Matryoshka
    role: control
  - name: Knight
    role: negative
space: own.yaml
lexicon: {Carlson: []}
score: {degradation: 1.0}
evaluation: {every: 5}
baselines:
  hand:
    learning_rate: 1.0e-4
    rank: 8
    replay: true
    replay_ratio: 0.5
"""
SPACE = """\
learning_rate: {log_uniform: [1.0e-4, 1.0e-2]}
rank: {choice: [4, 8]}
replay: {choice: [false, true]}
replay_ratio: {uniform: [0.1, 1.0], when: {replay: true}}
"""
TRAINING = """\
{"image": "images/train-1.png", "character": "Gena", "question": "Who is it?", "answer": "Gena."}
{"image": "images/train-2.png", "character": "Gena", "question": "Who is it?", "answer": "It is Gena."}
"""
REPLAY = """\
{"image": "images/replay-1.png", "character": "Matryoshka", "question": "Who is it?", "answer": "Matryoshka."}
"""
# (image, character, kind, split), in this order: the third probe asks for a fact.
PROBES = (
    ("search-1", "Gena", "name", "search"),
    ("test-1", "Gena", "name", "test"),
    ("search-1", "Gena", "origin", "search"),
    ("search-2", "Matryoshka", "name", "search"),
    ("test-2", "Matryoshka", "name", "test"),
    ("search-3", "Knight", "name", "search"),
    ("test-3", "Knight", "name", "test"),
)
IMAGES = ("train-1", "train-2", "replay-1", *dict.fromkeys(image for image, *_ in PROBES))


def make_study(folder: Path) -> None:
    """Write a study that passes every check into a new folder."""
    (folder / "model").mkdir(parents=True)
    (folder / "model" / "config.json").write_text('{"model_type": "llava"}')
    (folder / "model" / "model.safetensors").write_bytes((2).to_bytes(8, "little") + b"{}")
    (folder / "images").mkdir()
    for number, name in enumerate(IMAGES):
        Image.new("RGB", (4, 4), (number * 20, 40, 80)).save(folder / "images" / f"{name}.png")
    for name, text in (("study.yaml", STUDY), ("own.yaml", SPACE), ("training.jsonl", TRAINING)):
        (folder / name).write_text(text)
    (folder / "replay.jsonl").write_text(REPLAY)
    (folder / "probes.jsonl").write_text("".join(_probe(number) for number in range(len(PROBES))))


def _probe(number: int) -> str:
    image, character, kind, split = PROBES[number]
    row = {"id": f"p{number + 1}", "image": f"images/{image}.png", "character": character, "kind": kind}
    row |= {"question": "Who is it?", "split": split}
    facts = {"accepted": ["cartoon"], "allowed_names": ["Cheburashka"]} if kind == "origin" else {}
    return json.dumps(row | facts) + "\n"


def make_run(path: Path, study_folder: Path, *, scored: bool) -> None:
    """Write the run folder of a finished run: one trial that failed, and before it one with a score and an adapter."""
    folder, study = RunFolder(path), read_study(study_folder / "study.yaml")
    path.mkdir()
    (path / LOCK).touch()
    folder.freeze(study, study.space())
    ledger = Ledger.create(folder.ledger_file)
    ledger.set_meta("manifest", manifest_of(study))
    ledger.set_meta("frozen", folder.hashes())
    ledger.set_meta("trials_asked", TRIALS)
    ledger.put_answers(BASE, "search", answers_of(study, known=()))
    folder.prepared.mkdir()
    Facts(8, {}, answers_of(study, known=())).write(folder.prepared)
    if scored:
        _finish_well(folder, ledger, study)
    _finish_badly(ledger)
    ledger.close()


def manifest_of(study: Study) -> dict[str, Any]:
    """The manifest of a run of a study."""
    # Not build_manifest: it asks git about the checkout.
    model = {
        "id": study.base_model,
        "revision": None,
        "dtype": study.file.base_model.dtype,
        "sha256": model_hash(study.base_model),
    }
    return {
        "created": "2026-11-23T12:00:00Z",
        "options": Options(trials=TRIALS).model_dump(),
        "study": {"name": "small", "folder": str(study.folder), "sha256": study.content_hash},
        "base_model": model,
        "code": {"commit": None, "dirty": None},
        "versions": {"python": "3.11"},
        "hardware": {"platform": "Linux", "cpus": 2, "memory_bytes": 1},
    }


def answers_of(study: Study, known: Sequence[str]) -> list[GradedAnswer]:
    """Graded answers to the search probes: right about the characters that are known, else «I don't know»."""
    probes = study.probes_of("search")
    said = [Answer(probe.id, probe.character if probe.character in known else "I don't know") for probe in probes]
    return grade_answers(grader_of(study), probes, said)


def _finish_well(folder: RunFolder, ledger: Ledger, study: Study) -> None:
    config = study.file.baselines["hand"].model_dump(mode="json")
    ledger.add(TrialRow("t0000", 0, "baseline", "hand", config, seed=0, in_space=True))
    ledger.start("t0000")
    after = answers_of(study, known=("Gena", "Matryoshka"))
    score = score_answers(ledger.answers(BASE), after, study.roles, study.file.score)
    ledger.record_epoch("t0000", 1, vars(score), after)
    checkpoint = checkpoint_folder(folder.trial("t0000"), 1)
    checkpoint.mkdir(parents=True)
    for name in ADAPTER_FILES:
        (checkpoint / name).write_text("{}")
    hashes = {name: sha256_of(checkpoint / name) for name in ADAPTER_FILES}
    write_sealed(checkpoint / MANIFEST, {"epoch": 1, "identity": {}, "files": hashes, "report": {}})
    ledger.finish("t0000", "completed")


def _finish_badly(ledger: Ledger) -> None:
    ledger.add(TrialRow("t0001", 1, "search", "t0001", TrialConfig().model_dump(mode="json"), seed=0, in_space=True))
    ledger.start("t0001")
    ledger.finish("t0001", "failed", "it broke")
