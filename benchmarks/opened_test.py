"""Open the test probes for adapters of a finished run: what no trial ever saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from peft import PeftModel

from search.run_folder import RunFolder
from search.trial_row import TrialRow
from trainables.answering import Interviewer
from trainables.answers import grade_answers, grader_of
from trainables.base_model import BaseModel
from trainables.checkpoint_files import checkpoint_folder
from trainables.prepared import naming, prepare
from trainables.scoring import compare, score_answers


def test_scores(folder: RunFolder, rows: Sequence[TrialRow]) -> dict[str, dict[str, Any]]:
    """Trial id -> score and parts on the test probes, with accuracy by character."""
    torch.set_num_threads(1)
    study = folder.study()
    spec = study.file.base_model
    base = BaseModel.load(folder.manifest()["base_model"]["id"], revision=spec.revision, dtype=spec.dtype)
    prepared = prepare(study, base, "test")
    asked = study.probes_of("test")
    interviewer = Interviewer(
        base, prepared.features, prepared.names, max_new_tokens=study.file.evaluation.max_new_tokens
    )
    results = {}
    for row in rows:
        if row.best_epoch is None:
            continue
        adapter = checkpoint_folder(folder.trial(row.id), row.best_epoch)
        model = PeftModel.from_pretrained(base.model, str(adapter))
        answers = interviewer.ask(model, prepared.probes, naming(asked))
        after = grade_answers(grader_of(study), asked, answers)
        score = score_answers(prepared.before, after, study.roles, study.file.score)
        accuracy = {change.character: change.after for change in compare(prepared.before, after, study.roles)}
        grades = Counter(graded.grade.value for graded in after)
        results[row.id] = {**vars(score), "accuracy": accuracy, "grades": grades}
        base.model = model.unload()
    return results
