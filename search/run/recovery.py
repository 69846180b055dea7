"""Before a run goes on: its ledger is whole, and what it was started with is what it still has."""

from __future__ import annotations

import logging
import shutil
import time
from contextlib import closing
from pathlib import Path
from typing import Any

from search.run.base_model_place import base_model_place
from search.run.ledger import BASE, Ledger
from search.run.ledger_file import LedgerDamaged
from search.run.manifest import model_hash, write_manifest
from search.run.migrations import migrate
from search.run.prompting import keep_prompting_over_change
from search.run.run_folder import SCORED_BY, STUDY, RunFolder
from skazka_text.printable import printable
from skazka_text.problems import InputError, Problem, refuse
from studies.files import set_aside
from studies.study import Study, read_study

log = logging.getLogger(__name__)
# Ledger: the content hash of the source study that the user last accepted as changed.
SOURCE = "accepted_source"


def restore(folder: RunFolder) -> None:
    """Verify the ledger; where it is damaged, or has lost what its backup knows, put the backup in its place.

    What the backup does not know is not lost: a trial's checkpoints report it again.
    Raises LedgerDamaged when the backup is damaged too.
    """
    with closing(folder.ledger()) as ledger, closing(ledger.backed_up()) as backup:
        damage = _damage(ledger)
        if damage is None:
            migrate(ledger)
            return
        if _damage(backup) is not None:
            raise LedgerDamaged(f"{damage.message}, and so is its backup", "start the sweep anew in another folder")
    # Copied before anything is moved: on a full disk everything stays where it is.
    copy = folder.ledger_file.with_name(".ledger.restored")
    shutil.copyfile(backup.path, copy)
    kept = _set_aside(folder)
    copy.rename(folder.ledger_file)
    log.warning(
        "the ledger was restored from its backup (%s); the damaged one is in %s", printable(damage.message), kept
    )
    with closing(folder.ledger()) as ledger:
        ledger.verify()
        migrate(ledger)


def _damage(ledger: Ledger) -> LedgerDamaged | None:
    try:
        ledger.verify()
        if not ledger.at_rest:
            ledger.check_writable()
    except LedgerDamaged as error:
        return error
    return None


def _set_aside(folder: RunFolder) -> Path:
    """Move the ledger with SQLite's own files beside it out of the way."""
    aside = folder.path / f"damaged-{time.strftime('%Y%m%d-%H%M%S')}"
    aside.mkdir(exist_ok=True)
    for path in folder.path.glob(f"{folder.ledger_file.name}*"):
        path.rename(aside / path.name)
    return aside


def settle_base_model(folder: RunFolder, ledger: Ledger, given: str | Path | None) -> None:
    """Record where the base model lies now, where it moved. Raises InputError where it is gone or is another."""
    manifest = ledger.meta("manifest")
    place = base_model_place(manifest, given)
    if given is not None:
        manifest["base_model"] |= {"id": place, "sha256": manifest["base_model"]["sha256"] or model_hash(place)}
        _keep_manifest(folder, ledger, manifest)


def settle_changes(folder: RunFolder, ledger: Ledger, *, accept: bool) -> None:
    """Refuse a run whose study, space or base model changed; or record what changed and go on with what is there.

    Raises InputError with every change, and with one that cannot be accepted. The base model is there.
    """
    manifest = ledger.meta("manifest")
    own, model = _own_changes(folder, ledger), _model_change(manifest)
    source = _source_change(manifest, ledger.meta(SOURCE, manifest["study"]["sha256"]))
    problems = [*own, *model, *source]
    if problems and not accept:
        raise InputError(problems)
    if not folder.manifest_file.exists():
        write_manifest(folder.manifest_file, manifest)
    if not problems:
        return
    refuse(_unacceptable(folder, ledger))
    if own or model:
        keep_prompting_over_change(folder, ledger, of_model=bool(model))
    if (own or model) and folder.prepared.exists():
        # First: encodings and the base's answers belong to what was there before, and must not be taken for the new's.
        set_aside(folder.prepared)
    noted = ledger.meta("accepted_changes", [])
    said = [f"{problem.file}: {problem.message}" for problem in problems]
    ledger.set_meta("accepted_changes", [*noted, {"time": time.time(), "changes": said}])
    ledger.set_meta("frozen", folder.hashes())
    ledger.set_meta(SCORED_BY, folder.found_study().scored_by)
    if own:
        # Never the source's: its adapters come from the run's own copy.
        manifest["study"]["sha256"] = _content_hash(folder.study_folder / STUDY)
    ledger.set_meta(SOURCE, _source_hash(manifest))
    manifest["base_model"]["sha256"] = model_hash(manifest["base_model"]["id"])
    _keep_manifest(folder, ledger, manifest)


def _keep_manifest(folder: RunFolder, ledger: Ledger, manifest: dict[str, Any]) -> None:
    ledger.set_meta("manifest", manifest)
    write_manifest(folder.manifest_file, manifest)


def _unacceptable(folder: RunFolder, ledger: Ledger) -> list[Problem]:
    """What cannot be gone on with: a study that asks other things than its trials have answered.

    Raises InputError when the study or the space cannot be read at all.
    """
    study, _ = folder.found_study(), folder.found_space()
    gone = [path.relative_to(folder.path).as_posix() for path in study.files if not path.is_file()]
    if gone:
        return [Problem(name, "", "is gone, and the study needs it", "restore it") for name in gone]
    named = {row.character for rows in (study.training, study.replay, study.probes) for row in rows}
    if named <= set(study.names) and _asks_the_same(study, ledger) and _scores_alike(study, ledger):
        return []
    message = "its characters, probes or score weights are not those that the trials were scored on"
    return [Problem("study", "", message, "restore them, or launch a new run")]


def _asks_the_same(study: Study, ledger: Ledger) -> bool:
    """Whether the probes of each split are those that were answered, where any were."""
    for split in ("search", "test"):
        asked = [(probe.id, probe.character) for probe in study.probes_of(split)]
        if [(graded.answer.probe, graded.character) for graded in ledger.answers(BASE, split)] not in ([], asked):
            return False
    return True


def _scores_alike(study: Study, ledger: Ledger) -> bool:
    """Whether answers are graded and scored as those of the trials were; runs of earlier versions cannot tell."""
    tried = any(row.score is not None for row in ledger.trials())
    return not tried or ledger.meta(SCORED_BY) in (None, study.scored_by)


def _own_changes(folder: RunFolder, ledger: Ledger) -> list[Problem]:
    frozen, found = ledger.meta("frozen", {}), folder.hashes()
    remedy = "restore it, or go on with what is there: --accept-change"
    return [
        Problem(name, "", _difference(frozen.get(name), found.get(name)), remedy)
        for name in sorted({*frozen, *found})
        if frozen.get(name) != found.get(name)
    ]


def _difference(before: str | None, now: str | None) -> str:
    if now is None:
        return "is gone since the run began"
    return "is new since the run began" if before is None else "has changed since the run began"


def _model_change(manifest: dict[str, Any]) -> list[Problem]:
    model, known = manifest["base_model"]["id"], manifest["base_model"]["sha256"]
    if known is None or model_hash(model) == known:
        return []
    remedy = "restore the model, or go on with what is there: --accept-change"
    return [Problem(model, "", "the base model has changed since the run began", remedy)]


def _source_change(manifest: dict[str, Any], accepted: str | None) -> list[Problem]:
    """The study that the run was launched from: the run has its own copy, but its user may expect otherwise.

    accepted: the hash of a change that the user went on with before.
    """
    source = _source(manifest)
    if not source.is_file() or _source_hash(manifest) in (manifest["study"]["sha256"], accepted):
        return []
    remedy = "undo the change, or go on with the run's own copy: --accept-change"
    return [Problem(str(source), "", "the study has changed since the run began", remedy)]


def _source(manifest: dict[str, Any]) -> Path:
    study = manifest["study"]
    return Path(study["folder"], study.get("file", "study.yaml"))


def _source_hash(manifest: dict[str, Any]) -> str | None:
    """The content hash of the study that the run was launched from; None where it cannot be read any more."""
    return _content_hash(_source(manifest))


def _content_hash(file: Path) -> str | None:
    """A study's content hash; None where it, or a picture of it, cannot be read."""
    try:
        return read_study(file).content_hash
    except (InputError, OSError):
        return None
