"""What is known of a prepared study without torch: read by the driver, the report and the export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from studies.files import FileError, read_sealed, sha256_of, write_sealed
from trainables.answers import GradedAnswer, graded_from_data, graded_to_data
from trainables.prompting import Prompting

# Beside each other in a prepared study: these facts, and the rows as tokens.
FILE, ROWS = "facts.json", "rows.json"


def elsewhere(asked_on: str | None, now_on: str) -> str | None:
    """What is to be said where a base that was asked on one kind of device is compared with answers of another."""
    if asked_on in (None, now_on):
        return None
    return (
        f"the base was asked on {asked_on}, this is on {now_on}: numbers are rounded otherwise there,"
        " and a few answers may differ for that alone — a score compares best on one kind of device"
    )


@dataclass(frozen=True)
class Facts:
    """The base's own answers and the lengths of prompts.

    longest_prompt: tokens that max_length must exceed; prompt_lengths: probe id -> tokens; before: the base's graded
    answers to the search probes, in their order. device: the kind on which it gave them, cpu or cuda; None where an
    earlier version did not say. notes: what is worth a word before anything is trained, a line each.
    """

    longest_prompt: int
    prompt_lengths: Mapping[str, int]
    before: Sequence[GradedAnswer]
    prompting: Prompting = field(default_factory=Prompting)
    device: str | None = None
    notes: Sequence[str] = ()

    def write(self, folder: Path) -> None:
        """Write beside the files that stand in `folder` already, with a hash of each."""
        data = {
            "files": {path.name: sha256_of(path) for path in sorted(folder.iterdir())},
            "longest_prompt": self.longest_prompt,
            "prompt_lengths": dict(self.prompt_lengths),
            **self.prompting.as_data(),
            "device": self.device,
            "notes": list(self.notes),
            "before": [graded_to_data(graded) for graded in self.before],
        }
        write_sealed(folder / FILE, data)

    @classmethod
    def read(cls, folder: Path) -> Facts:
        """Read what `write` wrote.

        Raises FileError when this file or one beside it differs from what was written, OSError when one is missing.
        """
        data = read_sealed(folder / FILE)
        for name, digest in data["files"].items():
            if sha256_of(folder / name) != digest:
                raise FileError(f"{name} differs from what was written", "prepare the run again")
        before = [graded_from_data(graded) for graded in data["before"]]
        return cls(
            longest_prompt=data["longest_prompt"],
            prompt_lengths=data["prompt_lengths"],
            before=before,
            prompting=Prompting.from_data(data),
            device=data.get("device"),
            notes=data.get("notes", []),
        )
