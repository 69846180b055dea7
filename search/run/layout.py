"""Where things lie in a run folder: paths alone."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from studies.files import sha256_of


@dataclass(frozen=True)
class RunLayout:
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

    def hashes(self) -> dict[str, str]:
        """Every file of the frozen study and space, by its path in the run -> sha256."""
        files = [path for path in self.study_folder.rglob("*") if path.is_file()]
        files += [self.space_file] if self.space_file.is_file() else []
        return {path.relative_to(self.path).as_posix(): sha256_of(path) for path in sorted(files)}
