"""The best adapter as a folder that plain peft and transformers load, verified in a fresh process."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search import export_check
from search.adapter_record import ADAPTER_FILES, RECORD, exported_record
from search.base_model_place import base_model_place
from search.finalists import score_on_test, winner
from search.fitness import Fitness, fitness_of
from search.run_folder import RunFolder
from search.served_adapter import served
from search.trial_row import TrialRow, ranked
from spaces.markdown import Markdown, escape
from spaces.printable import json_line
from spaces.problems import InputError, Problem
from spaces.secrets import redact
from studies.files import FileError, is_disk_full
from studies.images import open_rgb
from studies.new_folder import draft_of, is_free, put_in_place
from studies.study import Study
from trainables.answers import ASK_BATCH, GradedAnswer, asking_order
from trainables.checkpoint_files import checkpoint_folder, read_manifest
from trainables.facts import Facts
from trainables.prompting import CHECKPOINTS_OWN, Prompting
from trainables.scoring import Score

CARD = Path(__file__).parent / "model_card.md.j2"


class ExportError(RuntimeError):
    """The exported adapter does not answer as the trial did."""


@dataclass(frozen=True)
class Exported:
    """What was written: the folder, the trial, and how many answers were asked again and agreed.

    merged: of these, how many the merged model gives, in the study's own precision; None where none was asked for.
    """

    folder: Path
    trial: TrialRow
    verified: int
    merged: int | None = None


def export(
    folder: RunFolder,
    to: str | Path,
    trial: str | None = None,
    *,
    merge: bool = False,
    base_model: str | Path | None = None,
) -> Exported:
    """Write a trial's adapter and check it in a fresh process; with `merge` also the base with the adapter in it.

    The default is the winner's repeat with the median search score; without finalists, the best trial.
    base_model: the folder that the run's base model moved to.

    Raises InputError when there is no such trial, the folder is not empty or the base model is gone, and ExportError
    when the reloaded adapter answers a search probe differently; nothing is left behind then.
    """
    row = choose(folder, trial)
    source = checkpoint_of(folder, row)
    manifest = _manifest(folder, base_model)
    spec = folder.study().file.base_model
    if merge and spec.quantization != "none":
        message = f"a base in {spec.quantization} cannot take the adapter in"
        raise InputError(Problem("", "--merge", message, "export the adapter alone"))
    target, work = _claim(to)
    try:
        _write(folder, row, source, work, manifest)
        verified = _verify(folder, row, work, manifest)
        merged = _merge(folder, row, work, manifest) if merge else None
        work.chmod(0o755)
        put_in_place(work, target, last=ADAPTER_FILES[1])
    finally:
        shutil.rmtree(work, ignore_errors=True)
    return Exported(target, row, verified, merged)


def choose(folder: RunFolder, trial: str | None) -> TrialRow:
    """The trial of that id or name; by default the winner's repeat with the median search score, else the best trial.

    Raises InputError when there is none.
    """
    rows = folder.ledger().trials()
    scored = ranked(rows)
    if trial is None:
        won = winner(rows, folder.manifest()["options"].get("max_degradation"))
        if won is not None and won.median is not None:
            return won.median
        for row in scored:
            if row.repeat_of is None and row.feasible:
                return row
        message = "no trial of this run has a score" + (" within --max-degradation" if scored else " yet")
        raise InputError(Problem("", "RUN", message, "wait, see skazka status, or name one with --trial"))
    for row in scored:
        if trial in (row.id, row.name):
            return row
    known = ", ".join(row.id for row in scored) or "none"
    raise InputError(Problem("", "--trial", f"no finished trial {trial!r}", f"use one of: {known}"))


def _claim(to: str | Path) -> tuple[Path, Path]:
    """The place of the adapter, and a hidden folder to write in: what has its own name is an adapter that works."""
    try:
        target = Path(to).expanduser().absolute()
        if not is_free(target):
            what = "is not empty" if target.is_dir() else "is no folder"
            raise InputError(Problem("", "--to", f"{target} {what}", "choose another folder"))
        target.parent.mkdir(parents=True, exist_ok=True)
        draft = draft_of(target)
        return target, Path(tempfile.mkdtemp(prefix=f"{draft.name}-", dir=draft.parent))
    except (OSError, ValueError, RuntimeError) as error:
        if isinstance(error, InputError) or is_disk_full(error):
            raise
        reason = getattr(error, "strerror", None) or str(error)
        raise InputError(Problem("", "--to", f"{to}: {reason}", "choose another folder")) from error


def _manifest(folder: RunFolder, base_model: str | Path | None) -> dict[str, Any]:
    """The run's manifest, with the place where the base model lies now."""
    manifest = folder.manifest()
    place = base_model_place(manifest, base_model)
    return {**manifest, "base_model": {**manifest["base_model"], "id": place}}


def checkpoint_of(folder: RunFolder, row: TrialRow) -> Path:
    """The checkpoint of a trial's best epoch, verified."""
    assert row.best_epoch is not None
    source = checkpoint_folder(folder.trial(row.id), row.best_epoch)
    try:
        read_manifest(source)
    except (OSError, ValueError, KeyError, TypeError) as error:
        message = f"the checkpoint of {row.id} cannot be used ({source}: {error})"
        raise InputError(Problem("", "--trial", message, "choose another trial")) from error
    return source


def _write(folder: RunFolder, row: TrialRow, source: Path, target: Path, manifest: dict[str, Any]) -> None:
    weights, settings = ADAPTER_FILES
    shutil.copyfile(source / weights, target / weights)
    base = manifest["base_model"]
    adapter = served(json.loads((source / settings).read_text(encoding="utf-8")), source / weights)
    # peft wrote where the model lay then.
    adapter["base_model_name_or_path"] = base["id"]
    (target / settings).write_text(json.dumps(adapter, indent=2, sort_keys=True), encoding="utf-8")
    trust = manifest["options"].get("trust_remote_code", False)
    prompting = _facts(folder).prompting
    try:
        export_check.save_processor(
            base["id"], base["revision"], target, trust, prompting.chat_template, prompting.text_only
        )
    except (OSError, ValueError) as error:
        if is_disk_full(error):
            raise
        message = f"the processor of {base['id']!r} cannot be loaded ({redact(str(error)).splitlines()[0]})"
        raise InputError(Problem("study.yaml", "base_model.id", message, "check the id and the network")) from error
    study = folder.study()
    with closing(folder.ledger()) as ledger:
        tested = score_on_test(study, ledger, row.id)
        fitness = fitness_of(study, ledger, row.id, row.score, None if tested is None else tested.score)
    record = {
        **vars(row),
        "test": tested and vars(tested),
        "study": manifest["study"],
        "base_model": base,
        "versions": manifest["versions"],
        "ask": exported_record(study, target, prompting),
    }
    (target / RECORD).write_text(json.dumps(record, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    card = model_card(study, row, manifest, tested, fitness, prompting)
    (target / "README.md").write_text(card, encoding="utf-8")


def model_card(
    study: Study,
    row: TrialRow,
    manifest: dict[str, Any],
    tested: Score | None,
    fitness: Fitness | None,
    prompting: Prompting,
) -> str:
    """A Hub model card: what the adapter is, how it scored and on what, and a usage example."""
    import jinja2

    environment = jinja2.Environment(
        finalize=escape, autoescape=False, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["code"] = lambda value: Markdown(json_line(value))
    example = study.probes_of("search")[0]
    return environment.from_string(CARD.read_text(encoding="utf-8")).render(
        study=study.file,
        targets=study.named("target"),
        fitness=fitness,
        probes=len(study.probes_of("search")),
        trial=row,
        tested=tested,
        tests=len(study.probes_of("test")),
        manifest=manifest,
        question=example.question,
        generation=Markdown(f", eos_token_id={list(prompting.stops)}" if len(prompting.stops) > 1 else ""),
        # As literals of Python.
        template=Markdown("".join(f", {name}={value!r}" for name, value in prompting.template.items())),
        greedy=prompting.generation != CHECKPOINTS_OWN,
        pictures=study.has_pictures,
        units="pictures" if study.has_pictures else "questions",
        text_only=prompting.text_only,
        model_class="AutoModelForCausalLM" if prompting.text_only else "AutoModelForImageTextToText",
        processor_class="AutoTokenizer" if prompting.text_only else "AutoProcessor",
    )


def _verify(folder: RunFolder, row: TrialRow, adapter: Path, manifest: dict[str, Any]) -> int:
    expected = folder.ledger().answers(row.id)
    answers = _asked_afresh(folder, expected, adapter, manifest, merge=False)
    _compare(expected, answers)
    return len(answers)


def _merge(folder: RunFolder, row: TrialRow, adapter: Path, manifest: dict[str, Any]) -> int:
    expected = folder.ledger().answers(row.id)
    answers = _asked_afresh(folder, expected, adapter, manifest, merge=True)
    return sum(graded.answer.text == text for graded, text in zip(expected, answers, strict=True))


def _asked_afresh(
    folder: RunFolder, expected: Sequence[GradedAnswer], adapter: Path, manifest: dict[str, Any], *, merge: bool
) -> list[str]:
    with tempfile.TemporaryDirectory() as scratch:
        asked, answered = Path(scratch) / "asked.json", Path(scratch) / "answered.json"
        request = {
            **_request(folder, expected, manifest, Path(scratch)),
            "adapter": str(adapter),
            "merge": merge,
        }
        asked.write_text(json.dumps(request), encoding="utf-8")
        # -P and a scratch folder: the process must not find our packages, only the script itself.
        command = [sys.executable, "-P", export_check.__file__, str(asked), str(answered)]
        done = subprocess.run(command, cwd=scratch, capture_output=True, text=True)
        if done.returncode != 0:
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise ExportError(f"the adapter does not {'merge' if merge else 'load'} in a fresh process: {last}")
        answers: list[str] = json.loads(answered.read_text(encoding="utf-8"))
    return answers


def _request(
    folder: RunFolder, expected: Sequence[GradedAnswer], manifest: dict[str, Any], scratch: Path
) -> dict[str, Any]:
    """What the check needs to load the base and to ask as the trial was asked; pictures lie in `scratch`."""
    study = folder.study()
    base, spec, facts = manifest["base_model"], study.file.base_model, _facts(folder)
    return {
        "base_model": base["id"],
        "revision": base["revision"],
        "dtype": base["dtype"],
        "attention": spec.attention,
        "quantization": spec.quantised_as(facts.prompting.unquantised),
        "image_size": spec.image_size,
        "max_pixels": spec.max_pixels,
        "stops": list(facts.prompting.stops),
        "text_only": facts.prompting.text_only,
        "template": dict(facts.prompting.template),
        "greedy": facts.prompting.generation != CHECKPOINTS_OWN,
        "trust_remote_code": manifest["options"].get("trust_remote_code", False),
        "max_new_tokens": study.file.evaluation.max_new_tokens,
        "probes": _questions(study, expected, scratch),
        "batches": _batches(folder, expected),
    }


def _questions(study: Study, expected: Sequence[GradedAnswer], scratch: Path) -> list[dict[str, str | None]]:
    """What is asked, each picture as the model saw it: in RGB and upright, whatever it is in the study."""
    probes = {probe.id: probe for probe in study.probes}
    asked = [probes[graded.answer.probe] for graded in expected]
    seen: dict[str, str] = {}
    for image in dict.fromkeys(probe.image for probe in asked if probe.image):
        seen[image] = str(scratch / f"{len(seen)}.png")
        try:
            open_rgb(study.folder / image).save(seen[image])
        except FileError as error:
            raise ExportError(f"the adapter cannot be asked again: {error}") from error
    return [{"image": probe.image and seen[probe.image], "question": probe.question} for probe in asked]


def _batches(folder: RunFolder, expected: Sequence[GradedAnswer]) -> list[list[int]]:
    """The trial's own batches, as places in `expected`: in half precision another padding may turn a near-tie."""
    lengths = _facts(folder).prompt_lengths
    places = {graded.answer.probe: place for place, graded in enumerate(expected)}
    order = [places[probe] for probe in asking_order({probe: lengths[probe] for probe in places})]
    return [order[start : start + ASK_BATCH] for start in range(0, len(order), ASK_BATCH)]


def _facts(folder: RunFolder) -> Facts:
    try:
        return Facts.read(folder.prepared)
    except (OSError, ValueError, KeyError, TypeError) as error:
        remedy = f"skazka resume {folder.path} prepares it again"
        raise InputError(Problem(folder.prepared.name, "", f"cannot be used ({error})", remedy)) from error


def _compare(expected: Sequence[GradedAnswer], answers: Sequence[str]) -> None:
    wrong = [
        (graded.answer, text) for graded, text in zip(expected, answers, strict=True) if graded.answer.text != text
    ]
    if wrong:
        answer, text = wrong[0]
        raise ExportError(
            f"not exported: {len(wrong)} of {len(expected)} answers differ after reloading; "
            f"{answer.probe}: the trial said {answer.text!r}, the export says {text!r}"
        )
