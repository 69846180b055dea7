"""Does the grader read answers as people do? `python -m benchmarks.grading` prints it, `--document` writes the page.

The answers and the grades of two readers, who knew the rules and not the grader's code, are a file of the tests.
`--answers FILE --studies FILE` counts another set: answers in JSON Lines, studies by name in JSON, as `Judged` says.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import click

from skazka_text.markdown import escape
from trainables.grading import HALLUCINATED, Grade, Grader

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
        first, second = facts["people"]
        found.append(Item(facts, first, second, facts["grader_then"], _grade(graders, facts).value))
    return found


def _grade(graders: Mapping[str, Grader], row: Mapping[str, Any]) -> Grade:
    """The grade of an answer by the grader of its study."""
    graded = graders[row["study"]].grade(
        row["answer"],
        character=row["character"],
        kind=row["kind"],
        accepted=row["accepted"],
        allowed_names=row["allowed_names"],
    )
    return graded.grade


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


@dataclass(frozen=True)
class Judged:
    """An answer of another set, graded anew.

    row: `id`, `style`, `study`, `character`, `kind`, `question`, `accepted`, `allowed_names`, `answer`, and `grades`:
        reader -> grade. Its study has `characters` (each `name`, `role`, `aliases`) and a `lexicon`.
    """

    row: dict[str, Any]
    grades: dict[str, Grade]


def read_set(answers: Path, studies: Path) -> list[Judged]:
    """Every answer of a set with the readers' grades and the grader's, which is called so."""
    graders = {name: _grader(study) for name, study in json.loads(studies.read_text(encoding="utf-8")).items()}
    judged = []
    for line in answers.read_text(encoding="utf-8").splitlines():
        row = json.loads(line)
        readers = {reader: Grade(grade) for reader, grade in row.get("grades", {}).items()}
        judged.append(Judged(row, {**readers, "grader": _grade(graders, row)}))
    return judged


def _grader(study: dict[str, Any]) -> Grader:
    characters = study["characters"]
    negatives = [character["name"] for character in characters if character["role"] == "negative"]
    aliases = {character["name"]: character.get("aliases", []) for character in characters}
    return Grader(aliases, negatives=negatives, lexicon=study.get("lexicon", {}))


def agreement_of_set(judged: Sequence[Judged]) -> str:
    """By style and pair of judges, as Markdown: the shares graded alike, and alike as a wrong name or none."""
    lines = ["| style | answers | judges | same grade | same on wrong names |", "|---|---:|---|---:|---:|"]
    styles = sorted({item.row.get("style", "") for item in judged})
    for style in [*styles, "all"]:
        chosen = [item for item in judged if style in ("all", item.row.get("style", ""))]
        for one, other in combinations(chosen[0].grades, 2):
            same = sum(item.grades[one] == item.grades[other] for item in chosen)
            wrong = sum((item.grades[one] in HALLUCINATED) == (item.grades[other] in HALLUCINATED) for item in chosen)
            shares = " | ".join(f"{count} ({count / len(chosen):.3f})" for count in (same, wrong))
            lines.append(f"| {style} | {len(chosen)} | {one}, {other} | {shares} |")
    return "\n".join(lines)


def disagreements_of_set(judged: Sequence[Judged]) -> str:
    """The answers that are not graded alike by all, as Markdown."""
    judges = list(judged[0].grades) if judged else []
    lines = [f"| id | shown | asked | answer | {' | '.join(judges)} |", "|---" * (4 + len(judges)) + "|"]
    for item in judged:
        if len(set(item.grades.values())) > 1:
            cells = [item.row[field] for field in ("id", "character", "kind", "answer")]
            cells += [item.grades[judge].value for judge in judges]
            lines.append("| " + " | ".join(str(escape(cell)) for cell in cells) + " |")
    return "\n".join(lines)


PATH = click.Path(exists=True, dir_okay=False, path_type=Path)


@click.command()
@click.option("--document", is_flag=True, help="Write the figures into docs/grading.md.")
@click.option("--answers", type=PATH, help="Another set: answers with the grades of readers, JSON Lines.")
@click.option("--studies", type=PATH, help="The studies of that set, JSON.")
@click.option("--disagreements", is_flag=True, help="Also list what is not graded alike.")
def main(document: bool, answers: Path | None, studies: Path | None, disagreements: bool) -> None:
    """Print how far the grader and the readers agree."""
    if (answers is None) != (studies is None):
        raise click.UsageError("--answers and --studies go together")
    if answers is not None and studies is not None:
        judged = read_set(answers, studies)
        click.echo(agreement_of_set(judged))
        if disagreements:
            click.echo(f"\n{disagreements_of_set(judged)}")
        return
    if document:
        DOCUMENT.write_text(documented(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    click.echo(figures())


if __name__ == "__main__":
    main()
