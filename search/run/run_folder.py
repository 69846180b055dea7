"""A run on disk: begun whole or not at all, driven by one process, read as it was frozen."""

from __future__ import annotations

import json
import os
import shlex
import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, closing, contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

from search.options import Options
from search.run.driver_lock import LOCK, driving, is_driven
from search.run.known_controls import known_share
from search.run.layout import RunLayout
from search.run.ledger import Ledger
from search.run.ledger_file import LedgerError
from search.run.migrations import migrate
from search.run.trial_row import State, TrialRow
from skazka_text.problems import InputError, Problem
from spaces.space import Space, space_of
from spaces.trial_config import TrialConfig
from studies.files import sha256_of
from studies.new_folder import claim, draft_of, put_in_place, usable
from studies.study import Study, read_study

STUDY = "study.yaml"
ANOTHER = "choose another --run"
# Ledger: what the study says of how answers are graded and scored.
SCORED_BY = "scored_by"
BEGUN = (LOCK, "study", "space.json", "manifest.json", "wandb")


class RunFolder(RunLayout):
    """What is in a run: its ledger, its frozen study and space, and who drives it."""

    @classmethod
    def claim(cls, path: Path) -> RunFolder:
        """The place of a new run. Raises InputError when it holds anything already."""
        return cls(claim("--run", path, ANOTHER, _occupied))

    @contextmanager
    def creating(self) -> Iterator[RunFolder]:
        """The folder under a hidden name, in its place when all of it is there; held as its only driver.

        A launch that is killed leaves a hidden folder, which the next launch of the same name clears.
        """
        draft = RunFolder(draft_of(self.path))
        with usable("--run", self.path, ANOTHER):
            draft.path.mkdir(exist_ok=True)
            strange = [path for path in draft.path.iterdir() if not _is_begun(path)]
        if strange:
            message = f"{draft.path} is in the way, with files that are no run's: {strange[0].name}"
            raise InputError(Problem("", "--run", message, "move it away or choose another --run"))
        with draft.driving():
            draft.clear(but=LOCK)
            try:
                yield draft
            except BaseException:
                draft.remove()
                raise

    def put_in_place(self, draft: RunFolder) -> None:
        """Give a draft its own name."""
        os.sync()
        try:
            # A folder with a ledger is a run.
            put_in_place(draft.path, self.path, last=self.ledger_file.name)
        except OSError as error:
            # Another launch was quicker.
            raise InputError(_occupied("--run", self.path)) from error

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
            migrate(ledger)
        return folder

    def driving(self) -> AbstractContextManager[None]:
        """Hold the run as its only driver. Raises InputError while another process does."""
        return driving(self.path)

    def is_driven(self) -> bool:
        """Whether a process holds the run as its driver; where that cannot be seen, it may be so."""
        return is_driven(self.path)

    def trials(self, ledger: Ledger) -> list[TrialRow]:
        """Every trial as it is: what the ledger calls running is interrupted where nobody drives the run."""
        # First the lock: a driver that ends in between has put its trials in order.
        left_as: State = "running" if self.is_driven() else "interrupted"
        return [replace(row, state=left_as) if row.state == "running" else row for row in ledger.trials()]

    def is_unused(self) -> bool:
        """Whether nothing was prepared or tried yet; a ledger that cannot be read may hold anything."""
        if self.prepared.exists():
            return False
        try:
            with closing(self.ledger()) as ledger:
                return not ledger.trials()
        except (LedgerError, sqlite3.Error, OSError):
            return False

    def clear(self, *, but: str = "") -> None:
        """Remove what a run that never began consists of, and nothing else."""
        for path in self.path.iterdir():
            if _is_begun(path) and path.name != but:
                shutil.rmtree(path) if path.is_dir() else path.unlink()

    def remove(self, *, keep_folder: bool = False) -> None:
        """Take back a run that never began; what others put beside it stays, and so does its folder then."""
        with suppress(OSError):
            self.clear()
            if not keep_folder:
                self.path.rmdir()

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

    def study(self) -> Study:
        """The frozen study. Raises InputError when its text is not what it was."""
        try:
            study = self.found_study()
        except InputError:
            self._unchanged([self.study_folder / STUDY, *self.study_folder.glob("*.jsonl")])
            raise
        names = [study.document.file, study.file.training, study.file.probes, *filter(None, [study.file.replay])]
        self._unchanged([self.study_folder / name for name in names])
        return study

    def space(self) -> Space:
        """The frozen space. Raises InputError when it is not what it was."""
        self._unchanged([self.space_file])
        return self.found_space()

    def found_study(self) -> Study:
        """The study as it lies in the run now, changed or not. Raises InputError, with files as in the run."""
        try:
            return read_study(self.study_folder / STUDY)
        except InputError as error:
            own = f"{self.study_folder.name}/"
            raise InputError(replace(problem, file=f"{own}{problem.file}") for problem in error.problems) from error

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
            if not path.is_file():
                raise InputError(Problem(name, "", "is gone since the run began", "restore it"))
            if sha256_of(path) != frozen.get(name):
                remedy = f"restore it, or go on with it: skazka resume {shlex.quote(str(self.path))} --accept-change"
                raise InputError(Problem(name, "", "has changed since the run began", remedy))

    def manifest(self) -> dict[str, Any]:
        """What `search.run.manifest` built; manifest.json is a copy of it for people."""
        with closing(self.ledger()) as ledger:
            data: dict[str, Any] = ledger.meta("manifest")
        return data

    def options(self) -> Options:
        """How the sweep was asked to run."""
        return Options.recorded(self.manifest())

    def task(self, trial: str, config: TrialConfig, seed: int, gpus: float | None = None) -> dict[str, Any]:
        """What a worker needs to run a trial (see trainables.task.TrialTask), as plain JSON."""
        manifest = self.manifest()
        options = Options.recorded(manifest)
        return {
            "trial": trial,
            "config": config.as_data(),
            "seed": seed,
            "folder": str(self.trial(trial)),
            "study": str(self.study_folder),
            "prepared": str(self.prepared),
            "base_model": manifest["base_model"]["id"],
            "trust_remote_code": options.trust_remote_code,
            "timeout": options.trial_timeout,
            "max_degradation": options.max_degradation,
            "known_share": known_share(manifest),
            "gpus": gpus,
            "moments": options.moments,
        }


def _is_begun(path: Path) -> bool:
    """Whether a file or folder of a run is one that is there before anything was prepared or tried."""
    return path.name in BEGUN or path.name.startswith(("ledger.sqlite", ".preparing-"))


def _occupied(option: str, path: Path) -> Problem:
    if (path / "ledger.sqlite").exists():
        remedy = "choose another --run, or go on with it: skazka resume"
        return Problem("", option, f"{path} already holds another run", remedy)
    if path.is_symlink() and not path.exists():
        return Problem(
            "", option, f"{path} is a link to a folder that is not there", "make it, or choose another --run"
        )
    return Problem("", option, f"{path} is not an empty folder", ANOTHER)


def default_run(study: str) -> Path:
    """The first free runs/STUDY-N below the current folder."""
    number = 1
    while (path := Path("runs") / f"{study}-{number}").exists():
        number += 1
    return path
