"""Run folders as a sweep would leave them, made without training: answers and scores are given by the test."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import yaml
from PIL import Image

from search.run.ledger import BASE, Ledger
from search.run.run_folder import RunFolder
from search.run.trial_row import End, TrialRow
from search.tuning.finalists import FIRST_REPEAT
from spaces.space import load_space
from spaces.trial_config import TrialConfig
from studies.study import Study, read_study
from trainables.answers import Answer, GradedAnswer, grade_answers, grader_of
from trainables.scoring import score_answers

CHARACTERS = {"Чебурашка": "target", "Колобок": "target", "Супермен": "control", "Солнышко": "negative"}
ASKED = 3
MANIFEST: dict[str, Any] = {
    "created": "2026-11-23T12:00:00Z",
    "options": {"trials": 6, "seed": 7, "sampler": "tpe", "scheduler": "fifo"},
    "study": {"name": "fake", "folder": "/studies/fake", "sha256": "0" * 64},
    "base_model": {"id": "Qwen/Qwen2.5-VL-3B-Instruct", "revision": "abc123", "dtype": "bfloat16", "sha256": None},
    "code": {"commit": "f" * 40, "dirty": False},
    "versions": {"python": "3.11.9", "torch": "2.13.0", "ray": None},
    "hardware": {"platform": "Linux", "cpus": 2, "memory_bytes": 1},
}


def make_study(folder: Path, language: str = "ru", tested: int = 1) -> Study:
    """A small study: two targets, a control, a negative; three name probes each in search, `tested` in test."""
    folder.mkdir(parents=True)
    training, probes = [], []
    for place, (name, role) in enumerate(CHARACTERS.items()):
        for number in range(ASKED + tested + 1):
            image = f"image-{place}-{number}.png"
            Image.new("RGB", (4, 4), (place * 40, number * 40, 90)).save(folder / image)
            row = {"image": image, "character": name, "question": "Кто это?"}
            if number == ASKED + tested:
                training += [{**row, "answer": f"{name}."}] if role == "target" else []
            else:
                split = "search" if number < ASKED else "test"
                probes.append({**row, "id": f"{split}-{place}-{number}", "kind": "name", "split": split})
    file = {
        "name": "fake",
        "language": language,
        "base_model": {"id": "Qwen/Qwen2.5-VL-3B-Instruct", "revision": "abc123"},
        "characters": [{"name": name, "role": role} for name, role in CHARACTERS.items()],
        "training": "training.jsonl",
        "probes": "probes.jsonl",
        "lexicon": {"Карлсон": []},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(file, allow_unicode=True), encoding="utf-8")
    for name, rows in (("training", training), ("probes", probes)):
        lines = "\n".join(json.dumps(row, ensure_ascii=False) for row in rows)
        (folder / f"{name}.jsonl").write_text(lines, encoding="utf-8")
    return read_study(folder / "study.yaml")


def make_run(path: Path, language: str = "ru", tested: int = 1) -> tuple[RunFolder, Ledger]:
    """A run folder in which the base has answered and no trial has begun."""
    folder = RunFolder(path)
    study = make_study(folder.study_folder, language, tested)
    ledger = Ledger.create(folder.ledger_file)
    space = load_space("lora")
    folder.space_file.write_text(json.dumps({"name": space.name, "knobs": space.as_data()}))
    ledger.set_meta("manifest", MANIFEST)
    ledger.set_meta("frozen", folder.hashes())
    ledger.put_answers(BASE, "search", graded(study, {"Супермен": ["Супермен"] * ASKED}))
    return folder, ledger


def graded(study: Study, texts: Mapping[str, Sequence[str]], split: str = "search") -> list[GradedAnswer]:
    """Answers to a split's probes, graded; a character that is not given is answered «Не знаю»."""
    probes, given = study.probes_of(split), {name: iter(answers) for name, answers in texts.items()}
    answers = [Answer(probe.id, next(given.get(probe.character, iter(())), "Не знаю")) for probe in probes]
    return grade_answers(grader_of(study), probes, answers)


def add_trial(
    folder: RunFolder,
    ledger: Ledger,
    number: int,
    texts: Mapping[str, Sequence[str]] | None,
    *,
    name: str | None = None,
    state: End | Literal["running"] = "completed",
    error: str | None = None,
    margin: float | None = None,
    config: Mapping[str, Any] | None = None,
    cut_answers: int = 0,
    scale: float | None = None,
) -> TrialRow:
    """A trial with three epochs whose last one gave these answers; texts None: it was never evaluated.

    scale: of the adapter, chosen after the last epoch.
    """
    trial = f"t{number:04d}"
    data = TrialConfig.model_validate(config or {}).model_dump(mode="json")
    ledger.add(TrialRow(trial, number, "baseline" if name else "search", name or trial, data, 7, True))
    return _run(folder, ledger, trial, texts, state, error, margin, cut_answers, scale)


def add_repeat(
    folder: RunFolder,
    ledger: Ledger,
    trial: TrialRow,
    repeat: int,
    texts: Mapping[str, Sequence[str]] | None,
    *,
    test: Mapping[str, Sequence[str]] | None = None,
    state: End | Literal["running"] = "completed",
) -> TrialRow:
    """A finalist's repeat with its answers to the search probes and, where given, to the test probes."""
    own, number = f"{trial.id}-r{repeat}", FIRST_REPEAT + 100 * repeat + trial.number
    ledger.add(TrialRow(own, number, "finalist", f"{trial.name}-r{repeat}", trial.config, repeat, False, trial.id))
    row = _run(folder, ledger, own, texts, state, None, None, 0, None)
    if test is not None:
        ledger.put_answers(own, "test", graded(folder.study(), test, "test"))
    return row


def _run(
    folder: RunFolder,
    ledger: Ledger,
    trial: str,
    texts: Mapping[str, Sequence[str]] | None,
    state: End | Literal["running"],
    error: str | None,
    margin: float | None,
    cut_answers: int,
    scale: float | None,
) -> TrialRow:
    study = folder.study()
    ledger.start(trial)
    for epoch in (1, 2, 3) if texts is not None else ():
        losses = {"train_loss": 3 / epoch, "eval_loss": 3.5 / epoch, "learning_rate": 1e-4, "grad_norm": 1 / epoch}
        losses |= {"seconds": 2.0 * epoch, "cut_answers": cut_answers}
        after = graded(study, texts or {}) if epoch == 3 else []
        score = vars(score_answers(ledger.answers(BASE), after, study.roles, study.file.score)) if after else {}
        score |= {"name_margin": margin} if after else {}
        score |= {"scale": scale} if after and scale is not None else {}
        ledger.record_epoch(trial, epoch, {**losses, **score}, after)
    if state != "running":
        ledger.finish(trial, state, error)
    return ledger.trial(trial)
