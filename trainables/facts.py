"""What is known of a prepared study without torch: read by the driver, the report and the export."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from studies.files import FileError, read_sealed, sha256_of, write_sealed
from trainables.answers import GradedAnswer, graded_from_data, graded_to_data

FILE = "facts.json"


@dataclass(frozen=True)
class Facts:
    """The base's own answers and the lengths of prompts.

    longest_prompt: tokens that max_length must exceed; prompt_lengths: probe id -> tokens;
    before: the base's graded answers to the search probes, in their order. stops: token ids at which generation ends.
    chat_template: the one that was given to a processor without its own. text_only: whether the base takes no pictures.
    """

    longest_prompt: int
    prompt_lengths: Mapping[str, int]
    before: Sequence[GradedAnswer]
    stops: Sequence[int] = ()
    chat_template: str | None = None
    text_only: bool = False

    def write(self, folder: Path) -> None:
        """Write beside the files that stand in `folder` already, with a hash of each."""
        data = {
            "files": {path.name: sha256_of(path) for path in sorted(folder.iterdir())},
            "longest_prompt": self.longest_prompt,
            "prompt_lengths": dict(self.prompt_lengths),
            "stops": list(self.stops),
            "chat_template": self.chat_template,
            "text_only": self.text_only,
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
        # Runs of the first versions say none of the last three.
        stops, template, text_only = data.get("stops", ()), data.get("chat_template"), data.get("text_only", False)
        return cls(data["longest_prompt"], data["prompt_lengths"], before, stops, template, text_only)
