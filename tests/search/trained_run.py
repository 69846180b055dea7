"""A finished run with one adapter that has learnt its study's rows by heart, made without Ray."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from benchmarks.campaigns.good_inputs import manifest_of
from search.run.ledger import BASE, Ledger
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from trainables import checkpoint
from trainables.answering import Interviewer
from trainables.answers import grade_answers, grader_of
from trainables.base_model import BaseModel
from trainables.engine import Engine
from trainables.examination import naming
from trainables.prepared import prepare
from trainables.training_set import select

EPOCHS = 60
CONFIG = TrialConfig(
    learning_rate=1e-2,
    rank=16,
    dropout=0,
    target_modules="attention+mlp",
    batch_size=4,
    epochs=EPOCHS,
    scale_search=False,
)


def make_trained_run(path: Path, study_folder: Path, *configs: TrialConfig) -> RunFolder:
    """Train trials on all rows of a study, and enter each; the first with its repeat, which is the same adapter."""
    configs = configs or (CONFIG,)
    study = load_study(study_folder)
    folder = RunFolder(path)
    path.mkdir()
    folder.freeze(study, study.space())
    with closing(Ledger.create(folder.ledger_file)) as ledger:
        ledger.set_meta("manifest", manifest_of(study))
        ledger.set_meta("frozen", folder.hashes())
        ledger.set_meta("trials_asked", len(configs))
        _train(folder, ledger, configs)
    return folder


def _train(folder: RunFolder, ledger: Ledger, configs: Sequence[TrialConfig]) -> None:
    study = folder.study()
    base = BaseModel.load(study.base_model, study.file.base_model)
    prepared = prepare(study, base)
    prepared.save(folder.prepared)
    ledger.put_answers(BASE, "search", prepared.before)
    tokens = study.file.evaluation.max_new_tokens
    engine = Engine(
        base, prepared.features, Interviewer(base, prepared.features, prepared.names, max_new_tokens=tokens)
    )
    probes = study.probes_of("search")
    for seed, config in enumerate(configs):
        engine.open(config, seed, select(config, prepared.training, prepared.replay, 0))
        for _ in range(config.epochs):
            engine.train_epoch()
        answers = grade_answers(grader_of(study), probes, engine.ask(prepared.probes, naming(probes)))
        trial, data = f"t{seed:04}", config.model_dump(mode="json")
        rows = [TrialRow(trial, seed, "search", trial, data, seed, True)]
        if seed == 0:
            rows.append(TrialRow("t0000-r1", 1_000_000, "finalist", "t0000-r1", data, 1, False, repeat_of=trial))
        for row in rows:
            ledger.add(row)
            ledger.start(row.id)
            score = {"score": 0.5, "gain": 0.5, "degradation": 0.0, "hallucination": 0.0, "name_margin": 1.0}
            ledger.record_epoch(row.id, config.epochs, score, answers)
            checkpoint.write(folder.trial(row.id), config.epochs, {}, {}, engine.state(), engine.save_adapter)
            ledger.finish(row.id, "completed")
    engine.close()
