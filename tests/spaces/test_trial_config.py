"""The knobs of a trial: bounds, and replay_ratio only under replay."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from spaces.trial_config import KNOBS, TrialConfig, value_of

SWITCHES = {"replay", "kl", "scale_search", "rslora", "dora", "balance"}
deterministic = settings(derandomize=True, deadline=None, max_examples=60, database=None)


def accepts(**knobs: Any) -> bool:
    """Whether a configuration with these knobs is valid."""
    try:
        TrialConfig.model_validate(knobs)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("knob", "inside", "outside"),
    [
        ("learning_rate", (1e-9, 1.0), (0.0, -1e-3, 1.01)),
        ("rank", (1, 512), (0, 513, 4.5)),
        ("alpha_ratio", (0.01, 64), (0, 65)),
        ("dropout", (0.0, 0.99), (-0.1, 1.0)),
        ("target_modules", ("attention", "attention+mlp"), ("all-linear", "attention ", None)),
        ("batch_size", (1, 4096), (0, 4097)),
        ("epochs", (1, 1000), (0, 1001)),
        ("max_length", (1, 131072), (0, 131073)),
        ("images_per_character", (None, 1), (0,)),
        ("scheduler", ("constant", "linear", "cosine"), ("step",)),
        ("warmup_ratio", (0, 1), (-0.1, 1.1)),
        ("weight_decay", (0, 1), (-0.1, 1.1)),
        ("init", ("default", "gaussian"), ("pissa", None)),
        ("lora_plus_ratio", (1, 64), (0.5, 65)),
        ("label_smoothing", (0, 0.99), (-0.1, 1.0)),
        ("augmentation", (0, 8), (-1, 9, 1.5)),
        ("rslora", (True, False), (1, "yes", None)),
    ],
)
def test_bounds(knob: str, inside: tuple[Any, ...], outside: tuple[Any, ...]) -> None:
    assert all(accepts(**{knob: value}) for value in inside)
    assert not any(accepts(**{knob: value}) for value in outside)


@pytest.mark.parametrize("knob", ["learning_rate", "alpha_ratio", "dropout", "warmup_ratio", "weight_decay"])
@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_a_knob_is_a_finite_number(knob: str, value: float) -> None:
    assert not accepts(**{knob: value})


@pytest.mark.parametrize("knob", [knob for knob in KNOBS if knob not in SWITCHES])
@pytest.mark.parametrize("value", [True, False])
def test_a_switch_is_no_number(knob: str, value: bool) -> None:
    assert not accepts(**{"replay": True, "replay_ratio": 0.5, knob: value})


@pytest.mark.parametrize(
    ("knobs", "valid"),
    [
        ({"replay": True, "replay_ratio": 0.5}, True),
        ({"replay": True, "replay_ratio": 4}, True),
        ({"replay": False}, True),
        ({"replay": True}, False),
        ({"replay": False, "replay_ratio": 0.5}, False),
        ({"replay_ratio": 0.5}, False),
        ({"replay": True, "replay_ratio": 0}, False),
        ({"replay": True, "replay_ratio": 4.1}, False),
    ],
)
def test_replay_ratio_exists_only_under_replay(knobs: dict[str, Any], valid: bool) -> None:
    assert accepts(**knobs) is valid


@deterministic
@given(st.integers(1, 512), st.floats(0.01, 64))
def test_alpha_is_the_ratio_times_the_rank(rank: int, ratio: float) -> None:
    assert TrialConfig(rank=rank, alpha_ratio=ratio).alpha == ratio * rank


def test_every_knob_has_a_default_and_a_description() -> None:
    assert TrialConfig.model_validate({})
    assert all(TrialConfig.model_fields[knob].description for knob in KNOBS)


def test_an_unknown_knob_is_refused() -> None:
    assert not accepts(lr=1e-4)


def test_a_configuration_does_not_change() -> None:
    config = TrialConfig()
    with pytest.raises(ValidationError):
        setattr(config, "rank", 4)  # noqa: B010


@pytest.mark.parametrize(
    ("knobs", "valid"),
    [
        ({"kl": True, "kl_on": "replay", "kl_weight": 0.5}, True),
        ({"kl": True, "kl_on": "target"}, False),
        ({"kl": True, "kl_weight": 1}, False),
        ({"kl_weight": 1}, False),
        ({"kl_on": "replay"}, False),
        ({"dora": True, "scale_search": True}, False),
        ({"rslora": True, "scale_search": True}, True),
    ],
)
def test_a_knob_exists_only_where_its_switch_is_on(knobs: dict[str, Any], valid: bool) -> None:
    assert accepts(**knobs) is valid


def test_a_configuration_of_an_earlier_version_is_written_as_it_was() -> None:
    earlier = TrialConfig(rank=8).as_data()
    assert list(earlier) == list(KNOBS[:14])
    assert TrialConfig.model_validate(earlier) == TrialConfig(rank=8)
    later = TrialConfig(rank=8, balance=True).as_data()
    assert later == {**earlier, "balance": True}
    assert value_of(earlier, "balance") is False
    assert value_of(later, "balance") is True
