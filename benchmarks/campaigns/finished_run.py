"""A finished run with all that a sweep leaves in it, built in code: what the campaign of damage spoils."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from pathlib import Path

import torch
from safetensors.torch import save_file

from benchmarks.campaigns import good_inputs
from search.outputs.adapter_record import ADAPTER_FILES
from search.run.driver_lock import LOCK
from search.run.ledger import BASE, Ledger
from search.run.manifest import write_manifest
from search.run.prompting import PROMPTING
from search.run.run_folder import SCORED_BY, RunFolder
from search.run.trial_row import Kind, TrialRow
from spaces.trial_config import TrialConfig
from studies.study import Study, read_study
from trainables import checkpoint
from trainables.answers import GradedAnswer, graded_to_data
from trainables.facts import Facts
from trainables.scoring import score_answers
from trainables.task import TrialTask

# As trainables.prepared names them; importing that takes seconds.
FEATURES, ROWS = "features.safetensors", "rows.json"
# Whom a trial knows after each of its epochs; the first is the study's baseline. The last epoch of the last is best.
EPOCHS = (
    (("Matryoshka",), ("Gena", "Matryoshka"), ("Matryoshka",)),
    (("Knight",), ("Matryoshka",)),
    (("Matryoshka",), ("Gena", "Matryoshka", "Knight")),
)


def build(study_folder: Path, closed: Path, killed: Path) -> None:
    """Write a study and one run of it twice: with its ledger closed, and as SIGKILL leaves it, all in the WAL."""
    good_inputs.make_study(study_folder)
    study = read_study(study_folder / "study.yaml")
    closed.mkdir()
    folder = RunFolder(closed)
    (closed / LOCK).touch()
    folder.freeze(study, study.space())
    manifest = good_inputs.manifest_of(study)
    manifest["options"] |= {"trials": len(EPOCHS), "gpus_per_trial": 0.0}
    write_manifest(folder.manifest_file, manifest)
    with closing(Ledger.create(folder.ledger_file)) as ledger:
        ledger.set_meta("manifest", manifest)
        ledger.set_meta("frozen", folder.hashes())
        ledger.set_meta(SCORED_BY, study.scored_by)
        ledger.set_meta("trials_asked", len(EPOCHS))
        before = good_inputs.answers_of(study, known=["Matryoshka"])
        ledger.set_meta(PROMPTING, _prepare(folder.prepared, before).prompting.as_data())
        ledger.put_answers(BASE, "search", before)
        for number in range(len(EPOCHS)):
            _run_trial(folder, ledger, study, number)
        ledger.backup()
        shutil.copytree(closed, killed)


def _prepare(folder: Path, before: list[GradedAnswer]) -> Facts:
    folder.mkdir()
    save_file({"images/train-1.png": torch.arange(64, dtype=torch.float32)}, folder / FEATURES)
    (folder / ROWS).write_text(json.dumps({"training": [["Gena", {"prompt": list(range(40)), "answer": [1, 2]}]]}))
    facts = Facts(40, {graded.answer.probe: 40 for graded in before}, before)
    facts.write(folder)
    return facts


def _run_trial(folder: RunFolder, ledger: Ledger, study: Study, number: int) -> None:
    trial, baseline, epochs = f"t{number:04d}", number == 0, EPOCHS[number]
    hand = study.file.baselines["hand"].model_dump()
    config = TrialConfig.model_validate({**(hand if baseline else {"rank": 4 * number}), "epochs": len(epochs)})
    data = config.model_dump(mode="json")
    kind: Kind = "baseline" if baseline else "search"
    ledger.add(TrialRow(trial, number, kind, "hand" if baseline else trial, data, seed=number, in_space=True))
    ledger.start(trial)
    task = TrialTask.model_validate(folder.task(trial, config, number))
    for epoch, known in enumerate(epochs, start=1):
        after = good_inputs.answers_of(study, known)
        score = score_answers(ledger.answers(BASE), after, study.roles, study.file.score)
        metrics = {"train_loss": 2 / epoch, "eval_loss": 3 / epoch, "learning_rate": 1e-4, "grad_norm": 0.5}
        metrics |= {**vars(score), "name_margin": float(epoch)}
        report = {"epoch": epoch, **metrics, "answers": [graded_to_data(graded) for graded in after]}
        _write_checkpoint(task, epoch, report)
        ledger.record_epoch(trial, epoch, metrics, after)
        best = ledger.trial(trial).best_epoch or epoch
        checkpoint.prune(task.folder, task.identity, {epoch, best})
    ledger.warn(trial, "it was slow")
    ledger.finish(trial, "stopped" if number == 1 else "completed")


def _write_checkpoint(task: TrialTask, epoch: int, report: dict[str, object]) -> None:
    weights, settings = ADAPTER_FILES

    def save_adapter(folder: str) -> None:
        save_file({"lora": torch.full((64,), float(epoch))}, Path(folder) / weights)
        adapter = {"peft_type": "LORA", "task_type": "CAUSAL_LM", "r": task.config.rank, "target_modules": ["q_proj"]}
        (Path(folder) / settings).write_text(json.dumps(adapter))

    state = {"moments": torch.full((64,), epoch / 2), "rng.cpu": torch.arange(64, dtype=torch.uint8)}
    checkpoint.write(task.folder, epoch, task.identity, report, state, save_adapter)
