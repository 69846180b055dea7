"""Open the test probes for adapters of a finished run: what no trial ever saw."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch

from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from trainables.base_model import BaseModel
from trainables.checkpoint_files import checkpoint_folder
from trainables.examination import Examination
from trainables.scoring import compare, score_answers


def test_scores(folder: RunFolder, rows: Sequence[TrialRow]) -> dict[str, dict[str, Any]]:
    """Trial id -> score and parts on the test probes, with accuracy by character."""
    torch.set_num_threads(1)
    study = folder.study()
    spec = study.file.base_model
    base = BaseModel.load(folder.manifest()["base_model"]["id"], spec)
    examination = Examination(study, base, "test")
    before = examination.answers()
    results = {}
    for row in rows:
        if row.best_epoch is None:
            continue
        after = examination.answers(checkpoint_folder(folder.trial(row.id), row.best_epoch))
        score = score_answers(before, after, study.roles, study.file.score)
        accuracy = {change.character: change.after for change in compare(before, after, study.roles)}
        grades = Counter(graded.grade.value for graded in after)
        results[row.id] = {**vars(score), "accuracy": accuracy, "grades": grades}
    return results
