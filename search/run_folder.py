"""The layout of a run folder: the one place that knows where things lie."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.known_controls import known_share
from search.ledger import Ledger
from spaces.problems import InputError, Problem
from spaces.space import Space, space_of
from spaces.trial_config import TrialConfig
from studies.files import is_disk_full, sha256_of
from studies.study import Study, read_study

LOCK = "driver.lock"
STUDY = "study.yaml"


@dataclass(frozen=True)
class RunFolder:
    """One run on disk; `path` is absolute."""

    path: Path

    @property
    def study_folder(self) -> Path:
        """The frozen copy of the study."""
        return self.path / "study"

    @property
    def space_file(self) -> Path:
        """The frozen space."""
        return self.path / "space.json"

    @property
    def manifest_file(self) -> Path:
        """Where the run came from."""
        return self.path / "manifest.json"

    @property
    def ledger_file(self) -> Path:
        """What was tried and what came of it."""
        return self.path / "ledger.sqlite"

    @property
    def prepared(self) -> Path:
        """Encoded rows, vision features and the base's answers."""
        return self.path / "prepared"

    @property
    def tune(self) -> Path:
        """Ray Tune's own files, one folder an attempt."""
        return self.path / "tune"

    @property
    def report(self) -> Path:
        """The report and its charts."""
        return self.path / "report"

    def trial(self, trial: str) -> Path:
        """A trial's checkpoints and error log."""
        return self.path / "trials" / trial

    @classmethod
    def claim(cls, path: Path) -> RunFolder:
        """The place of a new run. Raises InputError when it holds anything already."""
        try:
            path = path.expanduser().absolute()
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise InputError(_occupied(path))
            path.parent.mkdir(parents=True, exist_ok=True)
        except (OSError, ValueError, RuntimeError) as error:
            if isinstance(error, InputError) or is_disk_full(error):
                raise
            reason = getattr(error, "strerror", None) or str(error)
            raise InputError(Problem("", "--run", f"{path}: {reason}", "choose another --run")) from error
        return cls(path)

    @contextmanager
    def creating(self) -> Iterator[RunFolder]:
        """The folder under a hidden name, in its place when all of it is there; held as its only driver.

        A launch that is killed leaves a hidden folder, which the next launch of the same name clears.
        """
        draft = RunFolder(self.path.with_name(f".{self.path.name}.new"))
        try:
            draft.path.mkdir(exist_ok=True)
        except OSError as error:
            if is_disk_full(error):
                raise
            raise InputError(Problem("", "--run", f"{self.path}: {error.strerror}", "choose another --run")) from error
        with draft.driving():
            for leftover in draft.path.iterdir():
                if leftover.name != LOCK:
                    shutil.rmtree(leftover) if leftover.is_dir() else leftover.unlink()
            try:
                yield draft
            except BaseException:
                draft.remove()
                raise

    def put_in_place(self, draft: RunFolder) -> None:
        """Give a draft its own name."""
        os.sync()
        try:
            draft.path.rename(self.path)
        except OSError as error:
            # Another launch was quicker.
            raise InputError(_occupied(self.path)) from error

    @classmethod
    def find(cls, path: str | Path) -> RunFolder:
        """An existing run, its ledger unread. Raises InputError when there is none."""
        try:
            folder = cls(Path(path).expanduser().absolute())
            there = folder.ledger_file.is_file() or folder.ledger().backup_path.is_file()
            needed = {folder.ledger_file: there, folder.study_folder: folder.study_folder.is_dir()}
        except (OSError, ValueError, RuntimeError) as error:
            raise InputError(Problem("", "RUN", f"{path}: {error}", "give a folder made by skazka launch")) from error
        for missing in (name for name, found in needed.items() if not found):
            message = f"{path} is no run folder: it has no {missing.relative_to(folder.path)}"
            raise InputError(Problem("", "RUN", message, "give a folder made by skazka launch"))
        return folder

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """An existing run to read. Raises InputError when there is none, LedgerError when it is damaged."""
        folder = cls.find(path)
        with closing(folder.ledger()) as ledger:
            ledger.verify()
            ledger.migrate()
        return folder

    @contextmanager
    def driving(self) -> Iterator[None]:
        """Hold the run as its only driver. Raises InputError while another process does.

        The lock is the operating system's: a dead process holds none.
        """
        with (self.path / LOCK).open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                message = f"{self.path} is being driven by another process"
                raise InputError(Problem("", "RUN", message, "wait for it, or see skazka status")) from error
            yield

    def remove(self) -> None:
        """Take back a run that never started."""
        shutil.rmtree(self.path, ignore_errors=True)

    def ledger(self) -> Ledger:
        """The run's ledger."""
        return Ledger(self.ledger_file)

    def freeze(self, study: Study, space: Space) -> None:
        """Copy the study (without the base model) and the space into the run."""
        for source in study.files:
            own_name = source.relative_to(study.folder).as_posix()
            target = self.study_folder / (STUDY if own_name == study.document.file else own_name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        self.space_file.write_text(json.dumps({"name": space.name, "knobs": space.as_data()}, indent=2))

    def hashes(self) -> dict[str, str]:
        """Every file of the frozen study and space, by its path in the run -> sha256."""
        files = [path for path in self.study_folder.rglob("*") if path.is_file()]
        files += [self.space_file] if self.space_file.is_file() else []
        return {path.relative_to(self.path).as_posix(): sha256_of(path) for path in sorted(files)}

    def study(self) -> Study:
        """The frozen study. Raises InputError when its text is not what it was."""
        study = self.found_study()
        names = [study.document.file, study.file.training, study.file.probes, *filter(None, [study.file.replay])]
        self._unchanged([self.study_folder / name for name in names])
        return study

    def space(self) -> Space:
        """The frozen space. Raises InputError when it is not what it was."""
        self._unchanged([self.space_file])
        return self.found_space()

    def found_study(self) -> Study:
        """The study as it lies in the run now, changed or not."""
        return read_study(self.study_folder / STUDY)

    def found_space(self) -> Space:
        """The space as it lies in the run now, changed or not. Raises InputError when it is none."""
        file = self.space_file.name
        try:
            data = json.loads(self.space_file.read_text(encoding="utf-8"))
            name, knobs = data["name"], data["knobs"]
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise InputError(Problem(file, "", f"is no space ({error})", "restore it")) from error
        return space_of(name, knobs, file)

    def _unchanged(self, files: Sequence[Path]) -> None:
        with closing(self.ledger()) as ledger:
            frozen = ledger.meta("frozen", {})
        for path in files:
            name = path.relative_to(self.path).as_posix()
            if sha256_of(path) != frozen.get(name):
                remedy = "restore it, or go on with it: skazka resume --accept-change"
                raise InputError(Problem(name, "", "has changed since the run began", remedy))

    def manifest(self) -> dict[str, Any]:
        """What `search.manifest` built; manifest.json is a copy of it for people."""
        with closing(self.ledger()) as ledger:
            data: dict[str, Any] = ledger.meta("manifest")
        return data

    def task(self, trial: str, config: TrialConfig, seed: int) -> dict[str, Any]:
        """What a worker needs to run a trial (see trainables.task.TrialTask), as plain JSON."""
        manifest = self.manifest()
        return {
            "trial": trial,
            "config": config.as_data(),
            "seed": seed,
            "folder": str(self.trial(trial)),
            "study": str(self.study_folder),
            "prepared": str(self.prepared),
            "base_model": manifest["base_model"]["id"],
            "trust_remote_code": manifest["options"].get("trust_remote_code", False),
            "timeout": manifest["options"].get("trial_timeout"),
            "max_degradation": manifest["options"].get("max_degradation"),
            "known_share": known_share(manifest),
        }


def _occupied(path: Path) -> Problem:
    if (path / "ledger.sqlite").exists():
        remedy = "choose another --run, or go on with it: skazka resume"
        return Problem("", "--run", f"{path} already holds another run", remedy)
    return Problem("", "--run", f"{path} is not an empty folder", "choose another --run")


def default_run(study: str) -> Path:
    """The first free runs/STUDY-N below the current folder."""
    number = 1
    while (path := Path("runs") / f"{study}-{number}").exists():
        number += 1
    return path
