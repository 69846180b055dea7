"""An exported adapter is asked again in a fresh process, and must be the trial's: docs/export.md."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from search.options import Options
from search.outputs.check_place import CheckPlace
from search.outputs.check_request import EncodedStudy, check_request
from search.outputs.export_check import MERGED
from search.outputs.fresh_process import ExportError, Progress, ask_afresh
from search.run.run_folder import RunFolder
from studies.files import FileError
from studies.study import Study
from trainables.answers import Answer
from trainables.facts import Facts
from trainables.fidelity import Fidelity, fidelity


@dataclass(frozen=True)
class AdapterCheck:
    """Asks what was exported, and compares. adapter: its folder, where nobody sees it yet."""

    folder: RunFolder
    study: Study
    trial: str
    adapter: Path
    manifest: Mapping[str, Any]
    facts: Facts
    place: CheckPlace
    progress: Progress

    def run(self, *, merge: bool) -> Fidelity:
        """How what it answers differs from how the trial did. Raises ExportError where that is not rounding.

        merge: write the whole model beside the adapter, and ask that.
        """
        recorded = [graded.answer for graded in self.folder.ledger().answers(self.trial)]
        with self._scratch() as scratch:
            request = self._request(recorded, scratch)
            device, measured = self._measured({**request, "merge": merge}, scratch)
        found = fidelity(
            recorded,
            measured,
            dtype=self.manifest["base_model"]["dtype"],
            quantization=self.study.file.base_model.quantization,
            device=device,
            before=[graded.answer for graded in self.facts.before],
            prompts=self._encoded.prompts,
        )
        if problems := found.problems:
            what = "not merged, leave --merge out" if merge else "not exported"
            raise ExportError(f"{what}: {'; '.join(problems)}")
        return found

    @cached_property
    def _encoded(self) -> EncodedStudy:
        """Read once, for the adapter and for the merged model."""
        return EncodedStudy.read(self.folder.prepared)

    @contextmanager
    def _scratch(self) -> Iterator[Path]:
        """A folder for one check; for one on a cluster in the run's, which its nodes share."""
        home = None if self.place.address is None else self.folder.path
        with tempfile.TemporaryDirectory(prefix=".export-", dir=home) as scratch:
            yield Path(scratch)

    def _request(self, recorded: list[Answer], scratch: Path) -> dict[str, Any]:
        base, names = self.manifest["base_model"], self._encoded.names
        try:
            return check_request(self.study, base, self.facts, names, recorded, scratch)
        except FileError as error:
            raise ExportError(f"the adapter cannot be asked again: {error}") from error

    def _measured(self, request: Mapping[str, Any], scratch: Path) -> tuple[str, list[dict[str, Any]]]:
        # What a cluster is to read must lie where its nodes see it.
        here = self.place.address is None
        adapter = self.adapter if here else Path(shutil.copytree(self.adapter, scratch / "adapter"))
        trust = Options.recorded(self.manifest).trust_remote_code
        further = {"adapter": str(adapter), "threads": self.place.threads, "trust_remote_code": trust}
        found = ask_afresh({**request, **further}, scratch, self.place, self.folder.path, self.progress)
        if request["merge"] and not here:
            shutil.move(adapter / MERGED, self.adapter / MERGED)
        return found
