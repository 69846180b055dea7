"""The options of a sweep: declared once, refused by name, read back from manifests of every version."""

from __future__ import annotations

import inspect
from typing import Any

import click
import pytest

import skazka
from search.options import Options
from skazka.cli import launch
from skazka_text.problems import InputError

NO_TIME = "--time-budget: must be above 0 and below 10 years, got {} — give e.g. 30m"


def test_the_signature_and_the_command_line_have_every_option_and_its_default() -> None:
    parameters = inspect.signature(skazka.launch).parameters
    context = click.Context(launch)
    commands = {parameter.name: parameter for parameter in launch.params}
    for name, field in Options.model_fields.items():
        assert parameters[name].default == field.default
        assert commands[name].get_default(context) == field.default


def test_another_name_is_refused_as_python_does() -> None:
    with pytest.raises(TypeError, match="unexpected keyword argument 'trails'"):
        skazka.launch(trails=3)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"trials": 0}, "--trials: must be at least 1, got 0 — give a larger number"),
        ({"seed": -1}, "--seed: must be at least 0, got -1 — give a larger number"),
        ({"seed": 2**32}, "--seed: must be at most 4294967295, got 4294967296 — give a smaller number"),
        ({"cpus_per_trial": float("nan")}, "--cpus-per-trial: must be 0.0001 or more, got nan — give 1"),
        (
            {"gpus_per_trial": 1.5},
            "--gpus-per-trial: must be whole above 1, got 1.5: a trial has one part of a GPU, or whole ones"
            " — give 1 or 2",
        ),
        ({"time_budget": 0.0}, NO_TIME.format("0.0")),
        ({"sampler": "grid"}, "--sampler: must be one of tpe, random, got grid — give tpe"),
        ({"repeats": 0, "time_budget": -1.0}, f"{NO_TIME.format('-1.0')}\n--repeats: must be at least 1, got 0"),
    ],
)
def test_what_is_out_of_range_is_refused_with_its_remedy(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as refused:
        Options.asked(**values)
    assert str(refused.value).startswith(said)


def test_a_manifest_of_a_version_that_knew_fewer_options_is_read() -> None:
    kept = {"trials": 4, "seed": 7, "sampler": "random", "gpus_per_trial": None}
    assert Options.recorded({"options": kept}) == Options(trials=4, seed=7, sampler="random")
    assert Options.recorded({}) == Options()


def test_a_run_that_was_let_in_is_read_whatever_is_asked_today() -> None:
    assert Options.recorded({"options": {"seed": 2**40, "no_more": True}}).seed == 2**40
