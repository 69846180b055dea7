"""Hostile content: secrets, markup, paths, bombs and pickles. Nothing leaks, acts, executes, crashes or passes."""

from __future__ import annotations

import logging
import os
import random
import shutil
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, NoReturn
from unittest.mock import patch

import yaml
from click.testing import CliRunner, Result

from benchmarks.campaigns import good_inputs, hostile_inputs, hostile_texts
from benchmarks.campaigns.hostile_inputs import MARKER
from benchmarks.campaigns.outcome import Outcome
from search.options import Options
from search.outputs.fitness import fitness_of
from search.outputs.model_card import model_card
from search.run.manifest import build_manifest, write_manifest
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow, ranked
from search.tuning.preparation import PreparationError
from skazka import api
from skazka.cli import main
from skazka.command import BAD_INPUT
from skazka_text.printable import printable
from skazka_text.problems import InputError, Problem
from spaces.trial_config import TrialConfig
from studies.study import BaseModelSpec
from trainables.lora_trial import LoraTrial
from trainables.prompting import Prompting
from trainables.task import TrialTask

NEVER = ("leaks", "active tags", "executions", "tracebacks", "accepted")
SECRETS = ("HF_TOKEN", "WANDB_API_KEY", "MY_SECRET", "DB_PASSWORD", "AWS_SECRET_ACCESS_KEY", "RAY_AUTH_TOKEN")
# Rich wraps a table to the width of its terminal: wide enough for every text to stay whole.
WIDE = {"COLUMNS": "4000"}
# What went wrong, as (key of NEVER, where).
Found = Iterator[tuple[str, str]]


def run(size: int, seed: int, work: Path) -> Outcome:
    """Try `size` hostile texts and `size` hostile inputs, drawn by `seed`; 0: all that are written down, once."""
    start, source = time.monotonic(), random.Random(seed)
    texts, inputs = hostile_texts.texts(size, source), hostile_inputs.cases(size, source)
    work.mkdir(parents=True, exist_ok=True)
    found = [*secrets_told(work / "secrets", source), *texts_obeyed(work / "texts", texts)]
    found += [*inputs_accepted(work / "inputs", inputs), *models_read(work / "models")]
    counts = Counter(key for key, _ in found)
    faults = len(SECRETS) * len(SINKS) + len(texts) + len(inputs) + len(CHECKPOINTS) + 1
    failing = "; ".join(sorted({f"{key}: {where}" for key, where in found}))
    never = {key: counts[key] for key in NEVER}
    return Outcome("hostile content", seed, faults, never, time.monotonic() - start, {"failing": failing})


# --- secrets ---


def secrets_told(folder: Path, source: random.Random) -> Found:
    """Errors that quote the secrets of the environment, on every way an error takes; nothing may tell one."""
    canaries = {name: f"{name[:2].lower()}_{source.randbytes(16).hex()}" for name in SECRETS}
    good_inputs.make_study(folder / "study")
    run_folder = RunFolder(folder / "run")
    with patch.dict(os.environ, canaries | WIDE):
        good_inputs.make_run(run_folder.path, folder / "study", scored=True)
        shown = {}
        for name, canary in canaries.items():
            message = f"first\n401 Client Error: {canary} for https://hub.example/?token={canary}"
            for sink, tell in SINKS.items():
                shown[f"{sink}, {name}"] = tell(run_folder, message)
        for command in (["status"], ["status", "--json"], ["report"], ["report", "--json"]):
            shown[" ".join(command)] = _seen(call([*command, str(run_folder.path)]))
    yield from (("leaks", where) for where, text in shown.items() if _holds(text.encode(), canaries.values()))
    for path in folder.rglob("*"):
        if path.is_file() and _holds(path.read_bytes(), canaries.values()):
            yield "leaks", str(path.relative_to(folder))
    shutil.rmtree(folder)


def _holds(content: bytes, canaries: Any) -> bool:
    return any(canary.encode() in content for canary in canaries)


def _finish(folder: RunFolder, message: str) -> str:
    ledger = folder.ledger()
    trial = f"t{len(ledger.trials()):04d}"
    ledger.add(TrialRow(trial, int(trial[1:]), "search", trial, _config(), 0, True))
    ledger.start(trial)
    ledger.warn(trial, message)
    ledger.finish(trial, "lost", message, again=True)
    ledger.start(trial)
    ledger.finish(trial, "failed", message)
    ledger.close()
    return ""


def _config() -> dict[str, Any]:
    return TrialConfig().model_dump(mode="json")


def _train(folder: RunFolder, message: str) -> str:
    """A step that raises: the worker's log, and what it reports to the driver."""
    trial: Any = object.__new__(LoraTrial)
    paths = {"folder": folder.trial("t0000"), "study": folder.study_folder, "prepared": folder.prepared}
    trial._task = TrialTask(trial="t0000", config=_config(), seed=0, base_model="x", **paths)
    trial.open_session = _raising(RuntimeError(message))
    return str(trial.step())


def _manifest(folder: RunFolder, message: str) -> str:
    write_manifest(folder.manifest_file, build_manifest(folder.study(), Options()))
    return ""


def _command(failure: Callable[[str], BaseException], *more: str) -> Callable[[RunFolder, str], str]:
    """A command that fails with a message; what the user sees of it."""

    def tell(folder: RunFolder, message: str) -> str:
        with patch.object(api, "report", _raising(failure(message))):
            return _seen(call(["report", str(folder.path), *more]))

    return tell


def _raising(error: BaseException) -> Callable[..., NoReturn]:
    def fail(*arguments: Any, **options: Any) -> NoReturn:
        raise error

    return fail


def _refusal(message: str) -> InputError:
    return InputError(Problem(message, message, message, message))


SINKS: dict[str, Callable[[RunFolder, str], str]] = {
    "ledger": _finish,
    "worker": _train,
    "manifest": _manifest,
    "refusal": _command(_refusal),
    "refusal as JSON": _command(_refusal, "--json"),
    "expected failure": _command(PreparationError),
    "internal error": _command(LookupError),
}


# --- texts ---


def texts_obeyed(folder: Path, texts: Sequence[str]) -> Found:
    """Names, questions, answers and errors that try to be markup or to drive the terminal."""
    for start in range(0, len(texts), hostile_texts.BATCH):
        payloads = texts[start : start + hostile_texts.BATCH]
        study = hostile_texts.make_study(folder / "study", payloads, ("ru", "en")[start // hostile_texts.BATCH % 2])
        run_folder = hostile_texts.make_run(folder / "run", study, payloads)
        yield from _outputs_obeyed(folder, payloads)
        report = (run_folder.report / "report.md").read_text(encoding="utf-8")
        yield from (("active tags", f"report: {tag}") for tag in hostile_texts.active_tags(report))
        yield from (("active tags", "controls in the report") for _ in range(hostile_texts.controls(report)))
        yield from _card_obeyed(run_folder)
        shutil.rmtree(folder)


def _outputs_obeyed(folder: Path, payloads: Sequence[str]) -> Found:
    for command in (["check", "study"], ["status", "run"], ["report", "run"], ["report", "run", "--lang", "en"]):
        for options in ([], ["--json"]):
            result = call([command[0], str(folder / command[1]), *command[2:], *options])
            where = " ".join([*command, *options])
            yield from (("active tags", f"controls: {where}") for _ in range(hostile_texts.controls(_seen(result))))
            if crashed(result) or result.exit_code:
                yield "tracebacks", where
            if where == "status run":
                eaten = [payload for payload in payloads if printable(payload) not in result.stdout]
                yield from (("active tags", f"terminal markup: {payload!r}") for payload in eaten)


def _card_obeyed(run_folder: RunFolder) -> Found:
    """The model card of an export, which goes to the Hub: its front matter, and the Markdown below it."""
    ledger, manifest = run_folder.ledger(), run_folder.manifest()
    study, best = run_folder.study(), ranked(ledger.trials())[0]
    fitness = fitness_of(study, ledger, best.id, best.score, None)
    check = {"asked": 1, "differing": 0, "device": "cpu"}
    card = model_card(study, best, manifest, None, fitness, Prompting(), check)
    ledger.close()
    _, front, text = card.split("---\n", 2)
    yield from (("active tags", f"model card: {tag}") for tag in hostile_texts.active_tags(text))
    yield from (("active tags", "controls in the model card") for _ in range(hostile_texts.controls(card)))
    if yaml.safe_load(front)["base_model"] != manifest["base_model"]["id"]:
        yield "active tags", "front matter of the model card"


# --- inputs ---


def inputs_accepted(folder: Path, inputs: Sequence[hostile_inputs.Hostile]) -> Found:
    """What `skazka check` must refuse with exit code 2, and nothing of which may run."""
    good_inputs.make_study(folder / "good")
    for case in inputs:
        shutil.copytree(folder / "good", folder / "case" / "study")
        case.spoil(folder / "case")
        result = call(["check", str(folder / "case" / "study")])
        if crashed(result):
            yield "tracebacks", case.name
        if result.exit_code != BAD_INPUT:
            yield "accepted", case.name
        yield from (("active tags", f"controls: {case.name}") for _ in range(hostile_texts.controls(result.output)))
        yield from _executed(folder / "case", case.name)
        shutil.rmtree(folder / "case")
    shutil.rmtree(folder)


def _executed(folder: Path, name: str) -> Found:
    if (folder / MARKER).exists():
        yield "executions", name


def crashed(result: Result) -> bool:
    """Whether the user would have seen a traceback."""
    return "Traceback" in result.output or not isinstance(result.exception, SystemExit | None)


# --- models and adapters ---

CHECKPOINTS = ("adapter_model.safetensors", "state.safetensors", "adapter_model.bin")


def models_read(folder: Path) -> Found:
    """Pickles as checkpoints that are vouched for, and a model with code of its own: read by what reads them."""
    for name in CHECKPOINTS:
        folder.mkdir(parents=True)
        trial = hostile_inputs.pickled_checkpoint(folder, name)
        if _is_read(lambda trial=trial: _resume(trial)):  # type: ignore[misc]
            yield "accepted", f"checkpoint with {name}"
        yield from _executed(folder, name)
        shutil.rmtree(folder)
    folder.mkdir()
    model = hostile_inputs.model_with_code(folder)
    if _is_read(lambda: _load(model)):
        yield "accepted", "a model with code"
    yield from _executed(folder, "a model with code")
    shutil.rmtree(folder)


def _is_read(read: Callable[[], object]) -> bool:
    try:
        read()
    except Exception:
        return False
    return True


def _resume(trial: Path) -> object:
    from trainables import checkpoint

    found, _ = checkpoint.newest(trial, {})
    assert found is not None, "the manifest vouches for it"
    return found.adapter(), found.state()


def _load(model: Path) -> object:
    from trainables.base_model import BaseModel

    logging.getLogger("transformers").setLevel(logging.CRITICAL)
    return BaseModel.load(str(model), BaseModelSpec(id="model", dtype="float32"))


# --- the program ---


def call(arguments: Sequence[str]) -> Result:
    """The program in this process, on a wide terminal."""
    return CliRunner().invoke(main, list(arguments), env=WIDE)


def _seen(result: Result) -> str:
    """All that the user sees of a command, with the traceback that Python would print."""
    error = result.exception
    if error is None or isinstance(error, SystemExit):
        return result.output
    return result.output + "".join(traceback.format_exception(error))
