"""`skazka init`: a study folder from pictures and rows in another format."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click

from skazka.command import guarded, json_option, print_json, shown
from skazka_text.printable import printable
from skazka_text.problems import InputError, Problem
from spaces.space import named_spaces
from studies.importers.options import Format

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table

    from studies.importers.convert import Imported

# Columns of the terminal that the table of characters takes with short names.
LEAST = 72
# Folders that a line names.
SHOWN = 6
MODEL = "Qwen/Qwen2.5-VL-3B-Instruct"


@click.command(short_help="Make a study of pictures, or of data in another format.")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--from", "source", required=True, help="Folder, file, or a dataset's id on the hub.")
@click.option("--targets", multiple=True, help="Who is to be learnt: NAME,NAME…")
@click.option("--controls", multiple=True, help="Who must not be forgotten.  [default: all others]")
@click.option("--negatives", multiple=True, help="Who must not be taken for a target.")
@click.option("--name", "names", multiple=True, help="A folder's or label's real name: LABEL=NAME.")
@click.option("--column", "columns", multiple=True, help="A column's name there, e.g. answer=caption.")
@click.option("--pictures", help="Folder of the pictures that rows name.  [default: the rows' own]")
@click.option("--questions", help="JSON Lines file of what is asked and taught of pictures.")
@click.option("--format", type=click.Choice(get_args(Format)), help="How to read it.  [default: by what is there]")
@click.option("--revision", help="Revision of a dataset on the hub.")
@click.option("--probe-share", type=float, default=0.2, show_default=True, help="Of a target's pictures, a split.")
@click.option("--allow-missing", is_flag=True, help="Go on without the pictures that are not there.")
@click.option("--encoding", help="Of files of rows, e.g. cp1251.  [default: found out]")
@click.option("--language", type=click.Choice(["ru", "en"]), help="Of questions and report.  [default: the rows' own]")
@click.option("--model", default=MODEL, show_default=True, help="Hub id, folder, or demo for the embedded tiny one.")
@click.option(
    "--space",
    type=click.Choice(named_spaces()),
    help="What to search.  [default: forgetting where there are rows to replay, else lora]",
)
@json_option
@guarded
def init(folder: Path, as_json: bool, language: str | None, model: str, space: str | None, **said: Any) -> None:
    """Make a study folder of pictures, or of data in another format, and say what was found.

    Reads one folder a character; ImageFolder with metadata; JSON, JSON Lines, CSV, TSV and Parquet, chats of TRL
    and LLaMA-Factory among them; folders of save_to_disk; datasets on the hub. Where no row has a picture, the study
    is one of text alone.

    \b
    Example: skazka init my_study --from pictures/ --targets Чебурашка,Колобок
    """
    from skazka.terminal import terminal
    from studies.importers.convert import PicturesMissing
    from studies.importers.study_folder import Settings, init_study

    console = terminal(stderr=as_json)
    try:
        imported = init_study(folder, _options(said), Settings(language, model, space))
    except PicturesMissing as error:
        _show(console, error.imported)
        raise
    _show(console, imported)
    if as_json:
        print_json({"ok": True, "study": str(folder.absolute()), **asdict(imported)})
        return
    console.print(
        f"wrote {printable(shown(folder))}; import.json in it lists every row that was skipped", soft_wrap=True
    )
    console.print(f"next  skazka launch {printable(shown(folder))}", soft_wrap=True)


def _options(said: dict[str, Any]) -> Any:
    from pydantic import ValidationError

    from skazka_text.problems import problems_of
    from studies.importers.options import ImportOptions

    for option in ("targets", "controls", "negatives"):
        said[option] = tuple(name.strip() for text in said[option] for name in text.split(",") if name.strip())
    for option in ("names", "columns"):
        said[option] = dict(_pair(f"--{option[:-1]}", text) for text in said[option])
    try:
        return ImportOptions.model_validate(said)
    except ValidationError as error:
        raise InputError(problems_of(error, "", lambda _: None)) from error


def _pair(option: str, text: str) -> tuple[str, str]:
    left, sign, right = text.partition("=")
    if not (sign and left.strip() and right.strip()):
        raise InputError(Problem("", option, f"{text!r} is no pair", "write OURS=THEIRS, for example gena=Гена"))
    return left.strip(), right.strip()


def _show(console: Console, imported: Imported) -> None:
    from rich.text import Text

    console.print(_table(imported.characters, imported.unit, console.width), crop=False)
    for line in _told(imported):
        console.print(Text(printable(line)), soft_wrap=True)


def _told(imported: Imported) -> Iterator[str]:
    """What was not taken over, and what is worth a look: one line each."""
    for reason, count in imported.reasons.items():
        first = next(row for row in imported.skipped if row["reason"] == reason)
        yield f"skipped: {reason}: {count} of {imported.rows} rows, first {_first(first)}"
    for kind in imported.unread:
        folders = list(kind["folders"])
        where = f" in {', '.join(folders[:SHOWN])}{', …' if len(folders) > SHOWN else ''}" if kind["count"] > 1 else ""
        remedy = f"; {kind['remedy']}" if kind["remedy"] else ""
        yield f"not read: {kind['what']}: {kind['count']}{where}, first {kind['first']}{remedy}"
    for remark in imported.remarks:
        yield f"note: {remark}"


def _first(row: dict[str, str]) -> str:
    return f"{row['place']} ({row['detail']})" if row["detail"] else row["place"]


def _table(characters: Iterable[dict[str, Any]], unit: str, width: int) -> Table:
    from rich.table import Table

    # On a terminal that is narrower the terminal breaks the lines: no number is cut.
    least = LEAST if width < LEAST else None
    table = Table(
        box=None,
        pad_edge=False,
        width=least,
        caption=f"training, search and test count {unit}s",
        caption_justify="left",
    )
    table.add_column("character", overflow="fold")
    table.add_column("role", no_wrap=True)
    for title in ("rows found", "rows used", "training", "search", "test"):
        table.add_column(title, justify="right", no_wrap=True)
    for row in characters:
        counts = (row[name] for name in ("rows_found", "rows", "training", "search", "test"))
        table.add_row(printable(row["name"]), row["role"], *map(str, counts))
    return table
