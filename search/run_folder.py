"""The layout of a run folder: the one place that knows where things lie."""

from __future__ import annotations

import fcntl
import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.ledger import Ledger
from spaces.problems import InputError, Problem
from spaces.space import Space, space_of
from spaces.trial_config import TrialConfig
from studies.study import Study, read_study


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
    def create(cls, path: Path) -> RunFolder:
        """Make a new run folder. Raises InputError when the folder holds anything already."""
        path = path.expanduser().absolute()
        if path.exists() and (not path.is_dir() or any(path.iterdir())):
            what = "already holds another run" if (path / "ledger.sqlite").exists() else "is not an empty folder"
            remedy = "choose another --run, or go on with it: skazka resume"
            raise InputError(
                Problem("", "--run", f"{path} {what}", remedy if "run" in what else "choose another --run")
            )
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(Problem("", "--run", f"{path}: {error.strerror}", "choose another --run")) from error
        return cls(path)

    @classmethod
    def open(cls, path: str | Path) -> RunFolder:
        """An existing run. Raises InputError when there is none."""
        folder = cls(Path(path).expanduser().absolute())
        for needed in (folder.ledger_file, folder.manifest_file, folder.study_folder / "study.yaml"):
            if not needed.is_file():
                message = f"{path} is no run folder: it has no {needed.relative_to(folder.path)}"
                raise InputError(Problem("", "RUN", message, "give a folder made by skazka launch"))
        return folder

    @contextmanager
    def driving(self) -> Iterator[None]:
        """Hold the run as its only driver. Raises InputError while another process does.

        The lock is the operating system's: a dead process holds none.
        """
        with (self.path / "driver.lock").open("w") as file:
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
            target = self.study_folder / ("study.yaml" if own_name == study.document.file else own_name)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source, target)
        self.space_file.write_text(json.dumps({"name": space.name, "knobs": space.as_data()}, indent=2))

    def study(self) -> Study:
        """The frozen study."""
        return read_study(self.study_folder / "study.yaml")

    def space(self) -> Space:
        """The frozen space."""
        data = json.loads(self.space_file.read_text(encoding="utf-8"))
        return space_of(data["name"], data["knobs"], self.space_file.name)

    def manifest(self) -> dict[str, Any]:
        """What `search.manifest` wrote."""
        data: dict[str, Any] = json.loads(self.manifest_file.read_text(encoding="utf-8"))
        return data

    def task(self, trial: str, config: TrialConfig, seed: int) -> dict[str, Any]:
        """What a worker needs to run a trial (see trainables.session.TrialTask), as plain JSON."""
        return {
            "trial": trial,
            "config": config.model_dump(mode="json"),
            "seed": seed,
            "folder": str(self.trial(trial)),
            "study": str(self.study_folder),
            "prepared": str(self.prepared),
            "base_model": self.manifest()["base_model"]["id"],
        }


def default_run(study: str) -> Path:
    """The first free runs/STUDY-N below the current folder."""
    number = 1
    while (path := Path("runs") / f"{study}-{number}").exists():
        number += 1
    return path
