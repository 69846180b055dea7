"""What this machine and a study have to say before a long search: one finding a line, each with its remedy."""

from __future__ import annotations

import netrc
import os
import shutil
import socket
import warnings
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlparse

from search.known_controls import said_of, unknown_controls
from search.manifest import memory_bytes, versions
from search.preparation import length_problems, module_problems
from spaces.problems import InputError, Problem
from spaces.space import Space
from spaces.trial_config import TrialConfig
from studies.study import Study
from trainables.scoring import KNOWN_SHARE

if TYPE_CHECKING:
    from trainables.base_model import BaseModel
    from trainables.sizing import Cost, Sizer

Level = Literal["ok", "note", "stop"]
# Below it a search of a real model may fill the disk: checkpoints, and the model itself.
LITTLE_DISK = 20 * 10**9
HUB_SECONDS = 3.0
CUT_AT = (128, 256, 512)
# Weights up to which a few steps are quick on any CPU.
SMALL = 50_000_000


@dataclass(frozen=True)
class Finding:
    """One line. level: ok, note (worth a look) or stop (a search cannot begin)."""

    level: Level
    what: str
    remedy: str = ""


def machine(folder: Path) -> Iterator[Finding]:
    """Versions, processors, memory and disk; `folder` is where runs will lie."""
    known = versions()
    yield Finding("ok", ", ".join(f"{name} {version}" for name, version in known.items() if version))
    memory = memory_bytes()
    yield Finding("ok", f"{os.cpu_count()} CPU cores" + (f", {_gb(memory)} of memory" if memory else ""))
    yield from _gpus()
    free = shutil.disk_usage(folder).free
    if free < LITTLE_DISK:
        yield Finding("note", f"{_gb(free)} free in {folder}", "put --run and HF_HOME where there is more")
    else:
        yield Finding("ok", f"{_gb(free)} free in {folder}")


def _gpus() -> Iterator[Finding]:
    import torch

    if not torch.cuda.is_available():
        yield Finding("note", "no GPU is seen: trials run on the CPU", "enough for the demo; real models need a GPU")
    for place in range(torch.cuda.device_count()):
        one = torch.cuda.get_device_properties(place)
        yield Finding("ok", f"GPU {place}: {one.name}, {_gb(one.total_memory)}")


def _spread(study: Study) -> Iterator[Finding]:
    """Whether a trial could use several GPUs, where there are any."""
    import torch

    if torch.cuda.device_count() > 1 and study.file.base_model.device_map is None:
        remedy = "base_model.device_map: auto spreads the model over the GPUs of a trial"
        yield Finding("note", "a trial uses one GPU: with --gpus-per-trial 2 the second would idle", remedy)


def services(study: Study | None) -> Iterator[Finding]:
    """The hub, W&B and Ray, as far as they can be seen from here."""
    if study is None or not Path(study.base_model).is_dir():
        yield _hub()
    yield _wandb()
    address = os.environ.get("RAY_ADDRESS")
    if address:
        yield Finding("note", f"RAY_ADDRESS is {address}", "launch uses it only with --address auto")
    else:
        yield Finding("ok", "Ray: started on this machine by each search; --address names a running cluster")
    yield from _ray_folder()
    if study is not None:
        yield from _spread(study)


def _ray_folder() -> Iterator[Finding]:
    """Ray's own folder, where it will not do."""
    from search.ray_temporary import default_folder, ray_folder, why_not

    own = default_folder()
    if (reason := why_not(own)) is None:
        return
    try:
        yield Finding("note", f"{own} {reason}: Ray keeps its files in {ray_folder()}", "RAY_TMPDIR names another")
    except InputError as error:
        yield from study_findings(error)


def _hub() -> Finding:
    from huggingface_hub import constants, get_token

    token = "with a token" if get_token() else "without a token (HF_TOKEN), which gated models need"
    if constants.HF_HUB_OFFLINE:
        return Finding("note", "HF_HUB_OFFLINE is set: models come from the cache alone", "unset it to download")
    host = urlparse(constants.ENDPOINT).hostname or "huggingface.co"
    try:
        with socket.create_connection((host, 443), HUB_SECONDS):
            return Finding("ok", f"the hub answers, {token}")
    except OSError:
        remedy = "copy the model's folder here and name it in base_model.id, or fill the cache elsewhere"
        return Finding("note", "the hub cannot be reached: models come from the cache alone", remedy)


def _wandb() -> Finding:
    if os.environ.get("WANDB_MODE") in ("offline", "disabled"):
        return Finding("ok", f"W&B: WANDB_MODE is {os.environ['WANDB_MODE']}")
    logged_in = bool(os.environ.get("WANDB_API_KEY"))
    with suppress(OSError, netrc.NetrcParseError):
        logged_in = logged_in or netrc.netrc().authenticators("api.wandb.ai") is not None
    if logged_in:
        return Finding("ok", "W&B: a key is there; launch --wandb tries it")
    return Finding("ok", "W&B: not logged in; only launch --wandb needs it (wandb login, or WANDB_MODE=offline)")


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
    import torch
    import transformers

    from trainables.base_model import BaseModel
    from trainables.engine import NotFinite
    from trainables.examination import RowError
    from trainables.families import FamilyRefused
    from trainables.loading import ModelRefused
    from trainables.memory import is_out_of_memory, one_row_too_many
    from trainables.notes import notes_of
    from trainables.sizing import Sizer, cut_share, row_lengths, spread
    from trainables.tryout import try_out

    torch.set_num_threads(1)
    transformers.utils.logging.disable_progress_bar()
    warnings.simplefilter("ignore", FutureWarning)
    try:
        base = BaseModel.load(study.base_model, study.file.base_model, trust_remote_code=trust_remote_code)
        try_out(base, pictures=study.has_pictures and base.encoder.sees)
        rows = row_lengths(study, base)
    except RowError as error:
        return study_findings(InputError(error.problems)), None
    except (ModelRefused, FamilyRefused, ValueError) as error:
        message, _, remedy = str(error).partition(" — ")
        return [Finding("stop", message, remedy or "mend the row, or choose another base model")], None
    longest = max(row.prompt for row in rows)
    problems = [*length_problems(study, space, longest), *module_problems(study, space, base)]
    if problems:
        stops = [Finding("stop", f"{one.field}: {one.message}", one.remedy) for one in problems]
        return [_loaded(study, base), _adapted(base), *stops], None
    name, config = first_trial(study)
    measure = base.device.type == "cuda" or _weights(base) < SMALL
    try:
        sizer = Sizer(study, base, rows)
        found = sizer.cost(config, measure=measure)
        memory = list(_memory(sizer, space, config, found))
        controls = list(_controls(study, base)) if measure else []
    except RowError as error:
        return [_loaded(study, base), *study_findings(InputError(error.problems))], None
    except NotFinite as error:
        message, _, remedy = str(error).partition(": ")
        return [_loaded(study, base), Finding("note", f"a trial such as {name} fails: {message}", remedy)], None
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        message, _, remedy = one_row_too_many(base.device).partition(" — ")
        return [_loaded(study, base), Finding("stop", message, remedy)], None
    parts = ("image", "prompt", "answer") if study.has_pictures else ("prompt", "answer")
    sized = Sized(
        lengths={part: spread([getattr(row, part) for row in rows]) for part in parts},
        cut={length: cut_share(rows, length) for length in sorted({*CUT_AT, *_lengths_asked(study, space)})},
        trial=name,
        memory={part: getattr(found, part) for part in ("weights", "trained", "activations", "checkpoint")},
        seconds=found.seconds(study, config),
    )
    notes = [_as_note(line) for line in notes_of(study, base, max(row.image for row in rows))]
    return [_loaded(study, base), _adapted(base), *_asked_by(base), *notes, *memory, *controls], sized


def _controls(study: Study, base: BaseModel) -> Iterator[Finding]:
    """The controls that the base does not know; where it knows none, a search would measure no forgetting."""
    from trainables.examination import Examination

    before = Examination(study, base, "search", only=study.named("control")).answers()
    unknown = unknown_controls(before, study, KNOWN_SHARE)
    yield from (_as_note(said_of(control)) for control in unknown)
    if len(unknown) == len(study.named("control")):
        remedy = "choose controls that it knows, or launch with --allow-unknown-controls"
        yield Finding("stop", "the base knows none of the controls, so forgetting cannot be measured", remedy)
    elif not unknown:
        yield Finding("ok", "the base knows every control")


def _as_note(line: str) -> Finding:
    what, _, remedy = line.partition(" — ")
    return Finding("note", what, remedy)


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
            "stop", f"a trial needs about {_gb(least)} for one row, there are {_gb(available)}", f"use {ways}"
        )
        return
    on_gpu = bool(sizer.base.gpus)
    for corner in corners(space, config):
        found = sizer.cost(corner, measure=on_gpu, timed=False)
        asked = min(corner.batch_size, sizer.engine.micro_batch or corner.batch_size, len(sizer.study.training))
        what = f"batch_size {corner.batch_size} with {corner.target_modules} and rank {corner.rank}"
        if found.micro_batch < asked:
            said = f"{what} does not fit {_gb(available)} at once, but {found.micro_batch} of its rows do"
            yield Finding("note", said, f"such trials halve their micro-batch themselves; for more at once {ways}")
        elif found.memory > available:
            yield Finding("note", f"{what} needs about {_gb(found.memory)}, there are {_gb(available)}", f"use {ways}")


def _memory_of(base: BaseModel) -> int | None:
    """Bytes of the GPUs that a base lies on, else of this machine; None where the system does not say."""
    import torch

    return sum(torch.cuda.get_device_properties(gpu).total_memory for gpu in base.gpus) or memory_bytes()


def study_findings(error: InputError) -> list[Finding]:
    """A study's refusals as findings."""

    def said(problem: Problem) -> Finding:
        where = str(problem).removesuffix(f" — {problem.remedy}")
        return Finding("stop", where, problem.remedy)

    return [said(problem) for problem in error.problems]


def _gb(count: int) -> str:
    """Bytes in GB (10**9), or in MB below one."""
    return f"{count / 1e9:.1f} GB" if count >= 10**9 else f"{count / 1e6:.0f} MB"
