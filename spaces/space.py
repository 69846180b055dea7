"""A search space: which knobs are searched, over which values, and under which switch."""

from __future__ import annotations

import math
import os
import random
import runpy
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Protocol

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    RootModel,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from skazka_text.problems import Document, InputError, Problem, ValueRefused, read_yaml, refuse, said_by, validate
from spaces.trial_config import KNOBS, TrialConfig, no_switch

Value = bool | int | float | str | None
NAMED = Path(__file__).parent / "named"


def _single(value: Any) -> Any:
    # Otherwise every member of the union would complain by itself.
    if not isinstance(value, Value) or (isinstance(value, float) and not math.isfinite(value)):
        raise ValueRefused(f"must be one number, one word, true or false, got {value!r}", "list single values")
    return value


Single = Annotated[Value, BeforeValidator(_single)]
Number = Annotated[float, BeforeValidator(no_switch)]
Whole = Annotated[int, BeforeValidator(no_switch)]


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

    choice: tuple[Single, ...] | None = None
    uniform: tuple[Number, Number] | None = None
    log_uniform: tuple[Number, Number] | None = None
    integer: tuple[Whole, Whole] | None = None
    when: dict[str, Single] = {}

    @model_validator(mode="after")
    def _one_kind(self) -> Domain:
        kinds = [self.choice, self.uniform, self.log_uniform, self.integer]
        if sum(kind is not None for kind in kinds) != 1:
            raise ValueRefused("must be exactly one of choice, uniform, log_uniform, integer", "keep one of them")
        return self

    @field_validator("choice")
    @classmethod
    def _not_empty(cls, values: tuple[Value, ...] | None) -> tuple[Value, ...] | None:
        if values is not None and not values:
            raise ValueRefused("the choice is empty", "list at least one value")
        return values

    @field_validator("uniform", "log_uniform", "integer")
    @classmethod
    def _range(cls, ends: tuple[float, float] | None) -> tuple[float, float] | None:
        if ends is not None and ends[0] >= ends[1]:
            raise ValueRefused(f"the range is empty, got {list(ends)}", "give the lower end first, below the upper end")
        return ends

    @model_validator(mode="after")
    def _log_is_positive(self) -> Domain:
        if self.log_uniform is not None and self.log_uniform[0] <= 0:
            raise ValueRefused(f"a log range must be above 0, got {list(self.log_uniform)}", "raise the lower end")
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
        found: dict[str, Value] = {}
        for knob, domain in self.knobs.items():
            if self._active(domain, found):
                found[knob] = values[knob]
        return found

    def contains(self, config: TrialConfig) -> bool:
        """Whether this space could suggest the configuration."""
        parameters = self.parameters(config)
        inside = all(self.knobs[knob].contains(value) for knob, value in parameters.items())
        return inside and TrialConfig.model_validate(parameters) == config

    def reaches(self, knob: str, value: Value) -> bool:
        """Whether some configuration of this space has that value."""
        return knob in self.knobs and self.knobs[knob].contains(value)

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

    A file that ends in .py is run, and its dictionary SPACE taken, which says what a YAML file would.
    Raises InputError when there is no such space, a knob is unknown, or a range is empty.
    """
    if isinstance(name, str) and name in named_spaces():
        return _checked(name, read_yaml(NAMED / f"{name}.yaml"))
    path = (folder or Path()) / name
    # Not Path.is_file, which raises for a name that is too long.
    if not os.path.isfile(path):
        message = f"no space {str(name)!r}"
        raise InputError(Problem("", "space", message, f"use one of {', '.join(named_spaces())} or a YAML file"))
    document = _run_python(path) if path.suffix == ".py" else read_yaml(path)
    return _checked(path.stem, document)


def _run_python(path: Path) -> Document:
    try:
        data = runpy.run_path(str(path)).get("SPACE")
    except Exception as error:
        # Whatever a user's own file raises.
        message = f"cannot be run ({type(error).__name__}: {error})"
        raise InputError(Problem(path.name, "", message, "mend the file")) from error
    if not isinstance(data, dict):
        remedy = 'write SPACE = {"rank": {"choice": [4, 8]}}'
        raise InputError(Problem(path.name, "SPACE", "there is no dictionary of that name", remedy))
    return Document(path.name, data, {})


def space_of(name: str, data: Any, file: str = "space") -> Space:
    """A space from plain data, as `Space.as_data` gives it."""
    return _checked(name, Document(file, data, {}))


def _checked(name: str, document: Document) -> Space:
    knobs = dict(validate(Knobs, document).root)
    problems: list[Problem] = []
    if not knobs:
        problems.append(Problem(document.file, "", "the space is empty", "name at least one knob"))
    for place, (knob, domain) in enumerate(list(knobs.items())):
        above = {other: knobs[other] for other in list(knobs)[:place]}
        found = _knob_problems(knob, domain, above)
        problems += [Problem(document.file, knob, *each, document.line_of((knob,))) for each in found]
        if not found:
            knobs[knob] = _with_types(knob, domain)
    refuse(problems)
    space = Space(name, knobs)
    refuse(_draw_problems(space, document.file))
    return space


def _knob_problems(knob: str, domain: Domain, above: Mapping[str, Domain]) -> list[tuple[str, str]]:
    """What is wrong with one knob, as (message, remedy) pairs."""
    if knob not in KNOBS:
        return [(f"unknown knob {knob!r}", f"use one of: {', '.join(KNOBS)}")]
    found = []
    for switch, value in domain.when.items():
        if switch not in KNOBS:
            found.append((f"depends on the unknown knob {switch!r}", f"use one of: {', '.join(KNOBS)}"))
        elif switch not in above:
            found.append((f"depends on {switch}, which stands below it or nowhere", f"put {switch} above {knob}"))
        elif not above[switch].contains(value):
            found.append((f"depends on {switch} being {value!r}, which it never is", f"use a value of {switch}"))
    whole = TrialConfig.model_fields[knob].annotation in (int, int | None)
    if whole and (domain.uniform or domain.log_uniform):
        found.append(("takes whole numbers only", "write integer: [LOW, HIGH] or a choice"))
    for value in domain.ends():
        found += [(message, "keep every value inside the knob's bounds") for message in _value_problems(knob, value)]
    return found


def _value_problems(knob: str, value: Value) -> list[str]:
    try:
        typed = _typed(knob, value)
    except ValidationError as error:
        return [f"{detail['msg'].lower()}, got {value!r}" for detail in error.errors()]
    if isinstance(value, bool) != isinstance(typed, bool):
        return [f"must not be {value!r}"]
    return []


def _typed(knob: str, value: Value) -> Value:
    """A value as TrialConfig holds it (YAML reads `1e-4` as text)."""
    # Only this knob is looked at: which knobs go together is seen when whole configurations are drawn.
    field = TrialConfig.model_fields[knob]
    annotated: Any = Annotated[field.annotation, field]
    adapter: TypeAdapter[Value] = TypeAdapter(annotated, config=ConfigDict(allow_inf_nan=False))
    return adapter.validate_python(value)


def _with_types(knob: str, domain: Domain) -> Domain:
    if domain.choice is None:
        return domain
    return domain.model_copy(update={"choice": tuple(_typed(knob, value) for value in domain.choice)})


def _draw_problems(space: Space, file: str) -> list[Problem]:
    """Draw configurations: knobs that are valid alone may not be so together."""
    drawer = _Drawer(random.Random(0))
    for _ in range(200):
        try:
            space.suggest(drawer)
        except ValidationError as error:
            message, remedy = said_by(error.errors()[0])
            return [Problem(file, "", f"the space draws configurations that are refused: {message}", remedy)]
    return []


class _Drawer:
    """A Suggester that draws at random."""

    def __init__(self, source: random.Random) -> None:
        self.source = source

    def suggest_categorical(self, name: str, choices: Any) -> Any:
        return self.source.choice(list(choices))

    def suggest_float(self, name: str, low: float, high: float, *, log: bool = False) -> float:
        return math.exp(self.source.uniform(math.log(low), math.log(high))) if log else self.source.uniform(low, high)

    def suggest_int(self, name: str, low: int, high: int) -> int:
        return self.source.randint(low, high)
