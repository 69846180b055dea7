"""A search space: which knobs are searched, over which values, and under which switch."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from pydantic import BaseModel, ConfigDict, RootModel, ValidationError, field_validator, model_validator

from spaces.problems import Document, InputError, Problem, read_yaml, validate
from spaces.trial_config import KNOBS, TrialConfig

Value = bool | int | float | str | None
NAMED = Path(__file__).parent / "named"


class Suggester(Protocol):
    """What a space needs of an Optuna trial."""

    def suggest_categorical(self, name: str, choices: Any) -> Any: ...
    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float: ...
    def suggest_int(self, name: str, low: int, high: int) -> int: ...


class Domain(BaseModel):
    """The values of one knob: exactly one of a choice, a range, a log range or whole numbers.

    `when` names the switch under which the knob exists, for example `{replay: true}`.
    Ranges include both ends.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    choice: tuple[Value, ...] | None = None
    uniform: tuple[float, float] | None = None
    log_uniform: tuple[float, float] | None = None
    integer: tuple[int, int] | None = None
    when: dict[str, Value] = {}

    @model_validator(mode="after")
    def _one_kind(self) -> Domain:
        kinds = [self.choice, self.uniform, self.log_uniform, self.integer]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueError("must be exactly one of choice, uniform, log_uniform, integer — keep one of them")
        return self

    @field_validator("choice")
    @classmethod
    def _not_empty(cls, values: tuple[Value, ...] | None) -> tuple[Value, ...] | None:
        if values is not None and not values:
            raise ValueError("the choice is empty — list at least one value")
        return values

    @field_validator("uniform", "log_uniform", "integer")
    @classmethod
    def _range(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and ends[0] >= ends[1]:
            raise ValueError(f"the range is empty, got {list(ends)} — give the lower end first, below the upper end")
        return ends

    @model_validator(mode="after")
    def _log_is_positive(self) -> Domain:
        if self.log_uniform is not None and self.log_uniform[0] <= 0:
            raise ValueError(f"a log range must be above 0, got {list(self.log_uniform)} — raise the lower end")
        return self

    def ends(self) -> tuple[Value, ...]:
        """Values that must be valid for the whole domain to be: all choices, or both ends."""
        return self.choice or self.uniform or self.log_uniform or self.integer or ()

    def contains(self, value: Value) -> bool:
        """Whether the domain could suggest this value."""
        if self.choice is not None:
            return any(
                value == choice and isinstance(value, bool) == isinstance(choice, bool) for choice in self.choice
            )
        low, high = self.uniform or self.log_uniform or self.integer or (0, -1)
        return isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high

    def suggest(self, trial: Suggester, name: str) -> Value:
        """Ask an Optuna trial for a value."""
        if self.choice is not None:
            chosen: Value = trial.suggest_categorical(name, self.choice)
            return chosen
        if self.integer is not None:
            return trial.suggest_int(name, *self.integer)
        low, high = self.uniform or self.log_uniform or (0.0, 0.0)
        return trial.suggest_float(name, low, high, log=self.log_uniform is not None)


class Knobs(RootModel[dict[str, Domain]]):
    """A space file: knob -> domain, in the order in which they are suggested."""

    @model_validator(mode="after")
    def _knobs_exist(self) -> Knobs:
        if not self.root:
            raise ValueError("the space is empty — name at least one knob")
        for knob, domain in self.root.items():
            for name in (knob, *domain.when):
                if name not in KNOBS:
                    raise ValueError(f"unknown knob {name!r} — use one of: {', '.join(KNOBS)}")
            seen = list(self.root)[: list(self.root).index(knob)]
            for switch in domain.when:
                if switch not in seen:
                    raise ValueError(f"{knob} depends on {switch}, which stands below it or nowhere — put it above")
        return self


class Space:
    """Named knobs with their domains; knobs that are not named keep TrialConfig's defaults."""

    def __init__(self, name: str, knobs: Mapping[str, Domain]) -> None:
        self.name = name
        self.knobs = dict(knobs)

    def suggest(self, trial: Suggester) -> TrialConfig:
        """Draw a configuration; a conditional knob is asked for only where its switch is on."""
        values: dict[str, Value] = {}
        for knob, domain in self.knobs.items():
            if self._active(domain, values):
                values[knob] = domain.suggest(trial, knob)
        return TrialConfig.model_validate(values)

    def parameters(self, config: TrialConfig) -> dict[str, Value]:
        """The knobs of a configuration that this space would have suggested."""
        values = config.model_dump()
        return {knob: values[knob] for knob, domain in self.knobs.items() if self._active(domain, values)}

    def contains(self, config: TrialConfig) -> bool:
        """Whether this space could suggest the configuration."""
        parameters = self.parameters(config)
        inside = all(self.knobs[knob].contains(value) for knob, value in parameters.items())
        return inside and TrialConfig.model_validate(parameters) == config

    def as_data(self) -> dict[str, dict[str, Any]]:
        """The space as a YAML file would write it."""
        return {knob: domain.model_dump(mode="json", exclude_defaults=True) for knob, domain in self.knobs.items()}

    @staticmethod
    def _active(domain: Domain, values: Mapping[str, Value]) -> bool:
        return all(values.get(switch) == value for switch, value in domain.when.items())


def named_spaces() -> list[str]:
    """The names of the spaces that come with the package."""
    return sorted(path.stem for path in NAMED.glob("*.yaml"))


def load_space(name: str | Path, folder: Path | None = None) -> Space:
    """Load a named space, or a space file (relative to `folder` when it is given).

    Raises InputError when there is no such space, a knob is unknown, or a range is empty.
    """
    named = NAMED / f"{name}.yaml"
    if isinstance(name, str) and "/" not in name and named.exists():
        return _checked(name, read_yaml(named))
    path = (folder or Path()) / name
    if not path.is_file():
        message = f"no space {str(name)!r}"
        raise InputError(Problem("", "space", message, f"use one of {', '.join(named_spaces())} or a YAML file"))
    return _checked(path.stem, read_yaml(path))


def space_of(name: str, data: Any, file: str = "space") -> Space:
    """A space from plain data, as `Space.as_data` gives it."""
    return _checked(name, Document(file, data, {}))


def _checked(name: str, document: Document) -> Space:
    knobs = validate(Knobs, document).root
    problems = [
        Problem(document.file, knob, message, "keep every value inside the knob's bounds", document.line_of((knob,)))
        for knob, domain in knobs.items()
        for message in _out_of_bounds(knob, domain)
    ]
    if problems:
        raise InputError(problems)
    return Space(name, knobs)


def _out_of_bounds(knob: str, domain: Domain) -> list[str]:
    messages = []
    switches = {"replay": True, "replay_ratio": 1.0} if knob in ("replay", "replay_ratio") else {}
    for value in domain.ends():
        values = {**switches, knob: value}
        if knob == "replay" and value is False:
            values.pop("replay_ratio")
        try:
            TrialConfig.model_validate(values)
        except ValidationError as error:
            messages.append(f"{error.errors()[0]['msg'].lower()}, got {value!r}")
    return messages
