"""Does the grader read answers as people do? `python -m benchmarks.grading` prints it, `--document` writes the page.

The answers and the grades of two readers, who knew the rules and not the grader's code, are a file of the tests.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from spaces.markdown import escape
from trainables.grading import Grader

HOME = Path(__file__).parents[1]
SAMPLE, STUDIES = (HOME / "tests" / "trainables" / f"graded_{name}" for name in ("by_people.jsonl", "studies.json"))
DOCUMENT = HOME / "docs" / "grading.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"


@dataclass(frozen=True)
class Item:
    """An answer with the grades of two readers, of the grader then, when they read, and of the grader now."""

    facts: dict[str, Any]
    first: str
    second: str
    then: str
    now: str

    @property
    def agreed(self) -> bool:
        """Whether all grade it alike."""
        return self.first == self.second == self.now


def read() -> list[Item]:
    """Every answer of the sample, graded anew."""
    studies = json.loads(STUDIES.read_text(encoding="utf-8"))
    graders = {
        name: Grader(study["aliases"], negatives=study["negatives"], lexicon=study["lexicon"])
        for name, study in studies.items()
    }
    found = []
    for line in SAMPLE.read_text(encoding="utf-8").splitlines():
        facts = json.loads(line)
        now = graders[facts["study"]].grade(
            facts["answer"],
            character=facts["character"],
            kind=facts["kind"],
            accepted=facts["accepted"],
            allowed_names=facts["allowed_names"],
        )
        first, second = facts["people"]
        found.append(Item(facts, first, second, facts["grader_then"], now.grade.value))
    return found


def _agreement(items: Sequence[Item]) -> list[str]:
    """How many of them agree: reader with reader, and the grader with each, then and now."""
    pairs = (("first", "second"), ("then", "first"), ("then", "second"), ("now", "first"), ("now", "second"))
    return [str(sum(getattr(item, one) == getattr(item, other) for item in items)) for one, other in pairs]


def figures() -> str:
    """The table of agreement and every disagreement, as Markdown."""
    items = read()
    lines = [
        "| answers | number | the readers agree | grader then, reader 1 | reader 2 | grader now, reader 1 | reader 2 |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    for title, sources in (("of demo trials", ("demo",)), ("written", ("written",)), ("all", ("demo", "written"))):
        chosen = [item for item in items if item.facts["source"] in sources]
        lines.append("| " + " | ".join([title, str(len(chosen)), *_agreement(chosen)]) + " |")
    lines += ["", "Every answer that is not graded alike by both readers and the grader now:", ""]
    lines += ["| shown | asked | answer | reader 1 | reader 2 | grader now |", "|---|---|---|---|---|---|"]
    for item in items:
        if not item.agreed:
            facts = item.facts
            cells = [facts["character"], facts["kind"], facts["answer"], item.first, item.second, item.now]
            lines.append("| " + " | ".join(str(escape(cell)) for cell in cells) + " |")
    return "\n".join(lines)


def documented(text: str) -> str:
    """The page with the figures between its marks."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{figures()}\n{END}{rest.partition(END)[2]}"


@click.command()
@click.option("--document", is_flag=True, help="Write the figures into docs/grading.md.")
def main(document: bool) -> None:
    """Print how far the grader and the readers agree."""
    if document:
        DOCUMENT.write_text(documented(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    click.echo(figures())


if __name__ == "__main__":
    main()
