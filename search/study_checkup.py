"""What a study and its base model have to say before a long search, and what a trial of them takes."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from search.checkup import Finding, Level, gigabytes, study_findings
from search.run.known_controls import said_of, unknown_controls
from search.run.manifest import memory_bytes
from search.tuning.preparation import length_problems, module_problems
from skazka_text.problems import Advice, InputError, Refusal
from spaces.space import Space
from spaces.trial_config import TrialConfig
from studies.study import Study
from trainables.scoring import KNOWN_SHARE

if TYPE_CHECKING:
    from trainables.base_model import BaseModel
    from trainables.sizing import Cost, RowLength, Sizer

CUT_AT = (128, 256, 512)
# Weights up to which a few steps are quick on any CPU.
SMALL = 50_000_000


@dataclass(frozen=True)
class Sized:
    """What a study's rows and its first trial come to.

    lengths: what -> (least, median, greatest) tokens. cut: max_length -> share of answers cut. trial: the configuration
    that was looked at. memory: bytes by part. seconds: of one such trial, None where it was not measured.
    """

    lengths: dict[str, tuple[int, int, int]]
    cut: dict[int, float]
    trial: str
    memory: dict[str, int]
    seconds: float | None


def size_up(study: Study, space: Space, *, trust_remote_code: bool = False) -> tuple[list[Finding], Sized | None]:
    """Load the base model and look at all rows; on a GPU, or with a small model, train a few steps."""
    from trainables.engine import NotFinite
    from trainables.examination import RowError
    from trainables.memory import is_out_of_memory, one_row_too_many

    try:
        base, rows = _read(study, trust_remote_code)
    except RowError as error:
        return study_findings(InputError(error.problems)), None
    except ValueError as error:
        said = (error.message, error.remedy) if isinstance(error, Refusal) else (str(error), "")
        return [Finding("stop", said[0], said[1] or "mend the row, or choose another base model")], None
    longest = max(row.prompt for row in rows)
    if problems := [*length_problems(study, space, longest), *module_problems(study, space, base)]:
        stops = [Finding("stop", f"{one.field}: {one.message}", one.remedy) for one in problems]
        return [_loaded(study, base), _adapted(base), *stops], None
    try:
        findings, sized = _tried(study, space, base, rows)
    except RowError as error:
        return [_loaded(study, base), *study_findings(InputError(error.problems))], None
    except NotFinite as error:
        what = f"a trial such as {first_trial(study)[0]} fails: {error.message}"
        return [_loaded(study, base), Finding("note", what, error.remedy)], None
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        return [_loaded(study, base), _finding("stop", one_row_too_many(base.device))], None
    return [_loaded(study, base), _adapted(base), *_asked_by(base), *findings], sized


def _read(study: Study, trust_remote_code: bool) -> tuple[BaseModel, list[RowLength]]:
    """The base model, tried out, and the lengths of the study's rows."""
    import torch
    import transformers

    from trainables.base_model import BaseModel
    from trainables.sizing import row_lengths
    from trainables.tryout import try_out

    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    warnings.simplefilter("ignore", FutureWarning)
    base = BaseModel.load(study.base_model, study.file.base_model, trust_remote_code=trust_remote_code)
    try_out(base, pictures=study.has_pictures and base.encoder.sees)
    return base, row_lengths(study, base)


def _tried(study: Study, space: Space, base: BaseModel, rows: Sequence[RowLength]) -> tuple[list[Finding], Sized]:
    """What the first trial and the largest of the space take, and whom the base knows."""
    from trainables.notes import notes_of
    from trainables.sizing import Sizer, cut_share, spread

    name, config = first_trial(study)
    measure = base.device.type == "cuda" or _weights(base) < SMALL
    sizer = Sizer(study, base, rows)
    cost = sizer.cost(config, measure=measure)
    memory = list(_memory(sizer, space, config, cost))
    controls = list(_controls(study, base)) if measure else []
    parts = ("image", "prompt", "answer") if study.has_pictures else ("prompt", "answer")
    sized = Sized(
        lengths={part: spread([getattr(row, part) for row in rows]) for part in parts},
        cut={length: cut_share(rows, length) for length in sorted({*CUT_AT, *_lengths_asked(study, space)})},
        trial=name,
        memory={part: getattr(cost, part) for part in ("weights", "trained", "activations", "checkpoint")},
        seconds=cost.seconds(study, config),
    )
    notes = [_finding("note", note) for note in notes_of(study, base, max(row.image for row in rows))]
    return [*notes, *memory, *controls], sized


def _controls(study: Study, base: BaseModel) -> Iterator[Finding]:
    """The controls that the base does not know; where it knows none, a search would measure no forgetting."""
    from trainables.examination import Examination

    before = Examination(study, base, "search", only=study.named("control")).answers()
    unknown = unknown_controls(before, study, KNOWN_SHARE)
    yield from (_finding("note", said_of(control)) for control in unknown)
    if len(unknown) == len(study.named("control")):
        remedy = "choose controls that it knows, or launch with --allow-unknown-controls"
        yield Finding("stop", "the base knows none of the controls, so forgetting cannot be measured", remedy)
    elif not unknown:
        yield Finding("ok", "the base knows every control")


def _finding(level: Level, said: Advice) -> Finding:
    return Finding(level, said.message, said.remedy)


def first_trial(study: Study) -> tuple[str, TrialConfig]:
    """The configuration whose cost is looked at: the study's first baseline, else the defaults."""
    return next(iter(study.file.baselines.items()), ("defaults", TrialConfig()))


def _lengths_asked(study: Study, space: Space) -> list[int]:
    asked = [config.max_length for config in study.file.baselines.values()]
    domain = space.knobs.get("max_length")
    return asked + [int(value) for value in (domain.ends() if domain is not None else ()) if isinstance(value, int)]


def _loaded(study: Study, base: BaseModel) -> Finding:
    return Finding(
        "ok", f"{study.base_model} loads: {base.model.config.model_type}, {_weights(base) / 1e6:,.0f} M weights"
    )


def _adapted(base: BaseModel) -> Finding:
    return Finding("ok", f"LoRA adapts {base.layers}")


def _asked_by(base: BaseModel) -> Iterator[Finding]:
    """How the chat template is asked, where it has a say in it."""
    from trainables.chat_template import as_yaml

    prompting = base.prompting
    if prompting.template:
        yield Finding("ok", f"chat template: {as_yaml(prompting.template)}")
    if prompting.day is not None:
        yield Finding("ok", "chat template: writes the day; a run keeps that on which it was prepared")


def _weights(base: BaseModel) -> int:
    return int(base.model.num_parameters())


def _memory(sizer: Sizer, space: Space, config: TrialConfig, first: Cost) -> Iterator[Finding]:
    """Whether one row fits beside the base, and which of the space's largest trials fit as a whole."""
    from trainables.sizing import corners

    available = _memory_of(sizer.base)
    if available is None:
        return
    ways = "quantization: 4bit, gradient_checkpointing: true or a smaller micro_batch in base_model"
    if (least := first.least) > available:
        yield Finding(
            "stop",
            f"a trial needs about {gigabytes(least)} for one row, there are {gigabytes(available)}",
            f"use {ways}",
        )
        return
    for corner in corners(space, config):
        what = f"batch_size {corner.batch_size} with {corner.target_modules} and rank {corner.rank}"
        found = _cost_of(sizer, corner)
        if found is None:
            said = f"of {what} not even one row fits {gigabytes(available)}"
            yield Finding("note", said, f"leave it out of the space, or use {ways}")
            continue
        asked = min(corner.batch_size, sizer.engine.micro_batch or corner.batch_size, len(sizer.study.training))
        if found.micro_batch < asked:
            said = f"{what} does not fit {gigabytes(available)} at once, but {found.micro_batch} of its rows do"
            yield Finding("note", said, f"such trials halve their micro-batch themselves; for more at once {ways}")
        elif found.memory > available:
            said = f"{what} needs about {gigabytes(found.memory)}, there are {gigabytes(available)}"
            yield Finding("note", said, f"use {ways}")


def _cost_of(sizer: Sizer, corner: TrialConfig) -> Cost | None:
    """What such a trial takes; None where the GPU's memory does not do for one row of it."""
    from trainables.memory import free_memory, is_out_of_memory

    try:
        return sizer.cost(corner, measure=bool(sizer.base.gpus), timed=False)
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
    # Outside the handler, whose traceback would hold the memory.
    free_memory()
    return None


def _memory_of(base: BaseModel) -> int | None:
    """Bytes of the GPUs that a base lies on, else of this machine; None where the system does not say."""
    import torch

    return sum(torch.cuda.get_device_properties(gpu).total_memory for gpu in base.gpus) or memory_bytes()
