"""The golden case: the team's own runs, in the order behind their verdict."""

from __future__ import annotations

from pathlib import Path

import pytest

from analysis.hand_results import load_hand_runs
from skazka_text.problems import InputError


def test_the_hand_made_runs_score_as_the_team_judged_them() -> None:
    scores = {name: run.score().score for name, run in load_hand_runs().items()}
    assert {name: round(score, 4) for name, score in scores.items()} == {
        "lora_init": 0.0446,
        "lora_v1": 0.1190,
        "lora_v2": 0.2579,
        "lora_v3": 0.2143,
    }
    assert sorted(scores, key=scores.__getitem__, reverse=True) == ["lora_v2", "lora_v3", "lora_v1", "lora_init"]


def test_each_run_has_the_flagged_characters_of_the_report() -> None:
    runs = load_hand_runs()
    flagged = {name: [who for who, one in run.characters.items() if one.hallucinated] for name, run in runs.items()}
    assert flagged == {
        "lora_init": ["Алёша Попович", "Человек-паук"],
        "lora_v1": ["Колобок", "Алёша Попович", "Крокодил Гена"],
        "lora_v2": ["Колобок", "Алёша Попович", "Супермен"],
        "lora_v3": ["Чебурашка", "Колобок", "Алёша Попович", "Крокодил Гена"],
    }


def test_a_control_loses_its_share_as_flips() -> None:
    changes = {change.character: change for change in load_hand_runs()["lora_init"].changes()}
    assert changes["Человек-паук"].flips == 0.5
    assert changes["Матрёшка"].flips == 0
    assert load_hand_runs()["lora_init"].score().degradation == pytest.approx(1 / 6)


def test_more_right_than_asked_is_refused_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "hand.yaml"
    file.write_text(
        "runs:\n  one:\n    configuration: {lora_r: 1, lora_alpha: 1, lora_dropout: 0, max_length: 9, num_epochs: 1, "
        "images_per_character: 1}\n    characters:\n      Ы: {role: target, before: [0, 3], after: [4, 3]}\n"
    )
    with pytest.raises(InputError, match=r"hand.yaml:5 .*got \[4, 3\]"):
        load_hand_runs(file)
