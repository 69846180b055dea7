"""Spaces: what they suggest is what they contain, and a conditional knob exists only under its switch."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from skazka_text.problems import InputError
from spaces.space import Space, load_space, named_spaces, space_of
from spaces.trial_config import TrialConfig

deterministic = settings(derandomize=True, deadline=None, max_examples=60, database=None)

DOMAINS: dict[str, Any] = {
    "learning_rate": {"log_uniform": [1e-5, 1e-2]},
    "rank": {"integer": [2, 64]},
    "alpha_ratio": {"uniform": [0.5, 4]},
    "dropout": {"choice": [0, 0.1]},
    "target_modules": {"choice": ["attention", "attention+mlp"]},
    "images_per_character": {"choice": [5, None]},
    "scheduler": {"choice": ["linear", "cosine"]},
}
REPLAY: dict[str, Any] = {
    "replay": {"choice": [False, True]},
    "replay_ratio": {"uniform": [0.1, 1.0], "when": {"replay": True}},
}


class DrawnTrial:
    """Stands for an Optuna trial: Hypothesis chooses the values."""

    def __init__(self, data: st.DataObject) -> None:
        self.data = data
        self.asked: dict[str, Any] = {}

    def _draw(self, name: str, values: st.SearchStrategy[Any]) -> Any:
        assert name not in self.asked
        return self.asked.setdefault(name, self.data.draw(values, label=name))

    def suggest_categorical(self, name: str, choices: Sequence[Any]) -> Any:
        return self._draw(name, st.sampled_from(choices))

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> Any:
        return self._draw(name, st.floats(low, high))

    def suggest_int(self, name: str, low: int, high: int) -> Any:
        return self._draw(name, st.integers(low, high))


@st.composite
def spaces(draw: st.DrawFn) -> Space:
    """A bundled space, or one of some of the knobs in any order."""
    if draw(st.booleans()):
        return load_space(draw(st.sampled_from(named_spaces())))
    knobs = draw(st.lists(st.sampled_from(list(DOMAINS)), unique=True))
    replay = REPLAY if draw(st.booleans()) or not knobs else {}
    return space_of("drawn", {**{knob: DOMAINS[knob] for knob in knobs}, **replay})


def write(folder: Path, text: str) -> Path:
    """A space file."""
    path = folder / "own.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def suggestions(space: Space, count: int = 20) -> list[TrialConfig]:
    """What a real Optuna study draws from a space, at random."""
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    return [space.suggest(study.ask()) for _ in range(count)]


def test_the_named_spaces() -> None:
    assert {"forgetting", "lora", "quick"} <= set(named_spaces())


@pytest.mark.parametrize("name", named_spaces())
def test_optuna_remembers_a_suggestion_as_the_space_s_parameters(name: str) -> None:
    space = load_space(name)
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    for _ in range(20):
        trial = study.ask()
        assert space.parameters(space.suggest(trial)) == trial.params
    given_again = space.parameters(space.suggest(study.ask()))
    study.enqueue_trial(given_again)
    assert space.parameters(space.suggest(study.ask())) == given_again


@deterministic
@given(spaces(), st.data())
def test_a_space_contains_what_it_suggests(space: Space, data: st.DataObject) -> None:
    trial = DrawnTrial(data)
    config = space.suggest(trial)
    assert space.contains(config)
    assert space.parameters(config) == trial.asked
    assert TrialConfig.model_validate(space.parameters(config)) == config


@deterministic
@given(st.data())
def test_replay_ratio_is_asked_only_under_replay(data: st.DataObject) -> None:
    trial = DrawnTrial(data)
    config = load_space("forgetting").suggest(trial)
    assert ("replay_ratio" in trial.asked) is config.replay
    assert (config.replay_ratio is not None) is config.replay


@deterministic
@given(spaces())
def test_a_frozen_space_is_the_space(space: Space) -> None:
    frozen = json.loads(json.dumps(space.as_data()))
    again = space_of(space.name, frozen)
    assert list(again.knobs.items()) == list(space.knobs.items())


INSIDE: dict[str, Any] = {
    "learning_rate": 3e-5,
    "rank": 4,
    "epochs": 3,
    "max_length": 256,
    "warmup_ratio": 0.03,
    "dropout": 0.1,
    "images_per_character": None,
}


def test_a_range_includes_both_ends() -> None:
    lora = load_space("lora")
    assert lora.contains(TrialConfig.model_validate(INSIDE))
    assert lora.contains(TrialConfig.model_validate({**INSIDE, "learning_rate": 1e-3, "epochs": 30}))


@pytest.mark.parametrize(
    ("knob", "value"),
    [
        ("learning_rate", 2.9e-5),
        ("learning_rate", 1.1e-3),
        ("rank", 5),
        ("alpha_ratio", 3),
        ("dropout", 0.2),
        ("batch_size", 3),
        ("epochs", 31),
        ("max_length", 257),
        ("images_per_character", 11),
        ("warmup_ratio", 0.05),
        ("weight_decay", 0.05),
    ],
)
def test_a_baseline_with_a_knob_outside_is_outside(knob: str, value: float) -> None:
    assert not load_space("lora").contains(TrialConfig.model_validate({**INSIDE, knob: value}))


def test_a_knob_that_is_not_searched_must_have_its_default() -> None:
    quick = load_space("quick")
    inside = {"learning_rate": 1e-4, "rank": 8, "epochs": 3}
    assert quick.contains(TrialConfig.model_validate(inside))
    assert not quick.contains(TrialConfig.model_validate({**inside, "dropout": 0.1}))
    assert not quick.contains(TrialConfig.model_validate({**inside, "replay": True, "replay_ratio": 0.5}))


def test_a_space_file_is_found_in_the_folder(tmp_path: Path) -> None:
    write(tmp_path, "rank: {choice: [3]}\n")
    assert load_space("own.yaml", tmp_path).as_data() == {"rank": {"choice": [3]}}


def refused(path: Path) -> InputError:
    """The refusal of a space file."""
    with pytest.raises(InputError) as caught:
        load_space(path)
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "field", "message"),
    [
        ("rank:\n  integer: [8, 4]", 3, "rank.integer", "range is empty, got [8, 4]"),
        ("rank:\n  integer: [8, 8]", 3, "rank.integer", "range is empty, got [8, 8]"),
        ("dropout: {uniform: [0.5, 0.1]}", 2, "dropout.uniform", "range is empty"),
        ("rank: {choice: []}", 2, "rank.choice", "choice is empty"),
        ("rank: {choice: [4], integer: [2, 8]}", 2, "rank", "exactly one of"),
        ("rank: {when: {}}", 2, "rank", "exactly one of"),
        ("rank: {choose: [4]}", 2, "rank.choose", "unknown key 'choose'"),
        ("learning_rate: {log_uniform: [0, 0.1]}", 2, "learning_rate", "above 0"),
        ("learning_rate: {log_uniform: [-1, 0.1]}", 2, "learning_rate", "above 0"),
        ("learning_rate: {uniform: [0.1, .inf]}", 2, "learning_rate.uniform[1]", "finite"),
        ("rank: {choice: [8, 1024]}", 2, "rank", "got 1024"),
        ("dropout: {uniform: [0.5, 1]}", 2, "dropout", "got 1.0"),
        ("scheduler: {choice: [cosine, step]}", 2, "scheduler", "got 'step'"),
        ("rank: {choice: [[4, 8]]}", 2, "rank.choice[0]", "got [4, 8]"),
        ("rank: {choice: [4, .nan]}", 2, "rank.choice[1]", "got nan"),
        ("rank: {choice: [4], when: {epochs: {}}}", 2, "rank.when.epochs", "got {}"),
        ("rank: {integer: [true, 8]}", 2, "rank.integer[0]", "got True"),
        ("dropout: {uniform: [false, 0.1]}", 2, "dropout.uniform[0]", "got False"),
    ],
)
def test_a_bad_domain_is_refused(tmp_path: Path, text: str, line: int, field: str, message: str) -> None:
    error = refused(write(tmp_path, f"epochs: {{choice: [1]}}\n{text}\n"))
    [problem] = error.problems
    assert (problem.file, problem.line, problem.field) == ("own.yaml", line, field)
    assert message in problem.message
    assert problem.remedy


def test_all_bad_domains_are_refused_at_once(tmp_path: Path) -> None:
    error = refused(write(tmp_path, "rank: {choice: [0, 600]}\ndropout: {choice: [2]}\n"))
    assert [(problem.line, problem.field) for problem in error.problems] == [(1, "rank"), (1, "rank"), (2, "dropout")]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("epochs: {choice: [1]}\nrnk: {choice: [4]}", "unknown knob 'rnk'"),
        ("epochs: {choice: [1], when: {reply: true}}", "unknown knob 'reply'"),
        ("replay_ratio: {uniform: [0.1, 1], when: {replay: true}}\nreplay: {choice: [false, true]}", "stands below"),
        ("replay_ratio: {uniform: [0.1, 1], when: {replay: true}}", "nowhere"),
        ("epochs: {choice: [1], when: {epochs: 1}}", "nowhere"),
        ("{}", "the space is empty"),
        ("[rank]", "valid dictionary"),
        ("", "valid dictionary"),
    ],
)
def test_a_bad_space_is_refused(tmp_path: Path, text: str, message: str) -> None:
    [problem] = refused(write(tmp_path, text)).problems
    assert problem.file == "own.yaml"
    assert message in problem.message
    assert problem.remedy


def test_broken_yaml_is_refused_with_its_line(tmp_path: Path) -> None:
    [problem] = refused(write(tmp_path, "epochs: {choice: [1]}\nrank: {choice: [1}\n")).problems
    assert (problem.file, problem.line) == ("own.yaml", 2)


@pytest.mark.parametrize("name", ["nope", "", "../lora", "named/lora.yaml", "a" * 300])
def test_no_such_space_names_those_there_are(tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError) as caught:
        load_space(name, tmp_path)
    [problem] = caught.value.problems
    assert repr(name) in problem.message
    assert "forgetting, lora, quick" in problem.remedy


@pytest.mark.parametrize(
    ("text", "field"),
    [("rnk: {choice: [4]}", "rnk"), ("rank: {choice: [4], when: {dropout: 0}}", "rank")],
)
def test_a_bad_space_is_refused_with_line_and_field(tmp_path: Path, text: str, field: str) -> None:
    [problem] = refused(write(tmp_path, f"epochs: {{choice: [1]}}\n{text}\n")).problems
    assert (problem.line, problem.field) == (2, field)


@pytest.mark.parametrize("text", ["rank: {uniform: [4, 32]}", "epochs: {log_uniform: [3, 30]}"])
def test_a_range_of_fractions_for_a_whole_number_is_refused(tmp_path: Path, text: str) -> None:
    assert refused(write(tmp_path, text))


@pytest.mark.parametrize(
    "text",
    [
        "replay: {choice: [false, true]}",
        "replay_ratio: {uniform: [0.1, 1]}",
        "replay: {choice: [false, true]}\nreplay_ratio: {uniform: [0.1, 1]}",
    ],
    ids=["replay without ratio", "ratio without replay", "ratio without when"],
)
def test_a_space_that_suggests_what_no_trial_may_be_is_refused(tmp_path: Path, text: str) -> None:
    assert refused(write(tmp_path, text))


def test_a_choice_of_rates_in_short_notation_contains_what_it_suggests(tmp_path: Path) -> None:
    space = load_space(write(tmp_path, "learning_rate: {choice: [1e-4, 2e-4]}"))
    assert all(space.contains(config) for config in suggestions(space))


def test_a_switch_that_is_off_itself_switches_nothing_on(tmp_path: Path) -> None:
    text = """\
replay: {choice: [false, true]}
replay_ratio: {uniform: [0.1, 1], when: {replay: true}}
scheduler: {choice: [cosine, linear], when: {replay: true}}
warmup_ratio: {choice: [0.1, 0.2], when: {scheduler: cosine}}
"""
    space = load_space(write(tmp_path, text))
    assert all(space.contains(config) for config in suggestions(space))


def test_a_switch_value_that_never_comes_is_refused(tmp_path: Path) -> None:
    text = "scheduler: {choice: [cosine, linear]}\nwarmup_ratio: {choice: [0, 0.1], when: {scheduler: cosin}}\n"
    assert refused(write(tmp_path, text))


def test_a_space_may_be_written_in_python(tmp_path: Path) -> None:
    file = tmp_path / "mine.py"
    file.write_text("SPACE = {'rank': {'choice': [2**power for power in range(2, 5)]}}")
    space = load_space(file)
    assert (space.name, space.as_data()) == ("mine", {"rank": {"choice": [4, 8, 16]}})


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("1 / 0", "mine.py cannot be run (ZeroDivisionError: division by zero)"),
        ("KNOBS = {}", "mine.py SPACE: there is no dictionary of that name"),
        ("SPACE = {'rnk': {'choice': [1]}}", "mine.py rnk: unknown knob 'rnk'"),
        ("SPACE = {'rank': {'choice': [0]}}", "mine.py rank: input should be greater than or equal to 1"),
    ],
)
def test_a_wrong_space_in_python_is_refused(code: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "mine.py").write_text(code)
    with pytest.raises(InputError) as caught:
        load_space(tmp_path / "mine.py")
    assert message in str(caught.value)
