"""What an importer noticed about data that it took over: nothing wrong, but worth a look before a long search."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence

from studies.importers.cast import Cast
from studies.importers.cells import shortened
from studies.importers.clean import Cleaned
from studies.importers.columns import KNOWN
from studies.importers.found import Found, Noticed, Side, Skipped
from studies.importers.templates import DESCRIBE

# Above it a character with few pictures is often called by the name of one with many.
IMBALANCE = 1.5
# Columns that a remark names.
SHOWN = 20
# A shorter answer may well be a name without a full stop.
LONG_ANSWER = 80
ENDS = tuple('.!?…»")]*`:')


def remarks(cleaned: Cleaned, sides: Mapping[str, Side]) -> list[str]:
    """What the pictures that can be used leave to be wished for, one sentence each."""
    return [*on_two_sides(cleaned), *_imbalance(cleaned, sides), *_few_probes(cleaned, sides)]


def on_two_sides(cleaned: Cleaned) -> list[str]:
    """Pictures that the source itself puts on two sides."""
    twice = [cleaned.pictures[digest].name for digest, sides in cleaned.said.items() if len(sides) > 1]
    if not twice:
        return []
    count = "1 picture stands" if len(twice) == 1 else f"{len(twice)} pictures stand"
    return [f"{count} on two sides of the source, first {twice[0]}: what is asked anywhere is trained on nowhere"]


def remarks_on_answers(rows: Iterable[Found | Skipped], cast: Cast) -> list[str]:
    """What stands out in the answers of all rows, those without a picture as well; one sentence each."""
    answered = [row for row in rows if isinstance(row, Found) and row.answer]
    return [*_cut_answers(answered), *_names_in_answers(answered, cast)]


def remarks_on_source(noticed: Noticed, skipped: Sequence[Skipped]) -> list[str]:
    """What of a source was read in a way that its user should know, or not at all; one sentence each."""
    said = list(noticed.remarks)
    if noticed.unused:
        names = ", ".join(map(shortened, noticed.unused[:SHOWN]))
        more = f" and {len(noticed.unused) - SHOWN} more" if len(noticed.unused) > SHOWN else ""
        roles = ", ".join(KNOWN)
        said.append(f"columns not used: {names}{more}; --column ROLE=NAME uses one as {roles}")
    said += [
        f"{count} turns of {shortened(role)} are left out: a study has questions and answers alone"
        for role, count in noticed.turns.items()
    ]
    nobody = sum(row.reason == "no character" for row in skipped)
    if nobody:
        remedy = "name whom they show, --controls NAME,NAME, or the column that says it, --column character=NAME"
        said.append(f"{nobody} rows are about no character that is known: {remedy}")
    return said


def remarks_on_templates(cleaned: Cleaned, sides: Mapping[str, Side], language: str, source: str) -> list[str]:
    """What is taught with words that are not the rows' own. source: where these come from."""
    answered = {row.picture for row in cleaned.rows if row.answer is not None}
    taught = [
        digest
        for digest, picture in cleaned.pictures.items()
        if sides[digest] == "training" and cleaned.roles[picture.character] != "negative" and digest not in answered
    ]
    unasked = [
        row for row in cleaned.rows if row.answer is not None and not row.question and sides[row.picture] == "training"
    ]
    said = []
    if taught:
        said.append(f"{len(taught)} training pictures have no answer of their own: they are taught by {source}")
    if unasked:
        said.append(f"{len(unasked)} answers without a question are taught as answers to {DESCRIBE[language]!r}")
    return said


def pictures_by_character(cleaned: Cleaned) -> dict[str, list[str]]:
    """Character -> sha256 of its pictures."""
    found: dict[str, list[str]] = defaultdict(list)
    for digest, picture in cleaned.pictures.items():
        found[picture.character].append(digest)
    return dict(found)


def _imbalance(cleaned: Cleaned, sides: Mapping[str, Side]) -> list[str]:
    trained = Counter(
        picture.character
        for digest, picture in cleaned.pictures.items()
        if sides[digest] == "training" and cleaned.roles[picture.character] == "target"
    )
    if len(trained) < 2:
        return []
    (most, many), (least, few) = trained.most_common()[0], trained.most_common()[-1]
    if many < IMBALANCE * few:
        return []
    return [
        f"{most} has {many} training {cleaned.unit}s and {least} {few}: "
        f"add some of {least}, or limit images_per_character"
    ]


def _few_probes(cleaned: Cleaned, sides: Mapping[str, Side]) -> list[str]:
    said = []
    if "test" not in sides.values():
        said.append(
            f"not every character has a {cleaned.unit} to spare for the test: "
            "the score of the search will be all there is"
        )
    alone = [
        name
        for name, digests in pictures_by_character(cleaned).items()
        if sum(sides[digest] == "search" for digest in digests) == 1
    ]
    if alone:
        said.append(f"one search {cleaned.unit} alone, so that chance decides much: {', '.join(alone)}")
    return said


def _cut_answers(rows: Sequence[Found]) -> list[str]:
    cut = [row for row in rows if len(row.answer or "") > LONG_ANSWER and not (row.answer or "").endswith(ENDS)]
    return [f"{_answers(cut)} that seem cut off, first {cut[0].place}"] if cut else []


def _names_in_answers(rows: Sequence[Found], cast: Cast) -> list[str]:
    silent: list[Found] = []
    others: dict[tuple[str, str], list[Found]] = defaultdict(list)
    for row in rows:
        character, named = cast.of(row), cast.named_in(row.answer or "")
        if character is None:
            continue
        if character not in named:
            silent.append(row)
        for other in sorted(named - {character}):
            others[character, other].append(row)
    said = [f"{_answers(silent)} without the name of their character, first {silent[0].place}"] if silent else []
    for (character, other), found in others.items():
        said.append(f"{_answers(found)} about {character} that name {other} as well: from a probe that counts as mixed")
    return said


def _answers(rows: Sequence[Found]) -> str:
    return "1 answer" if len(rows) == 1 else f"{len(rows)} answers"
