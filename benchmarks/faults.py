"""Kill, interrupt, damage and starve sweeps, and count what must never happen: `python -m benchmarks.faults [--quick]`.

Writes what came of it to a file; `docs/reliability.md` is made of that file: `python -m benchmarks.faults --document`.
"""

from __future__ import annotations

import json
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.table import Table

from benchmarks.campaigns import bad_inputs, brought, damage, full_disk, kills, security, stock
from benchmarks.campaigns.outcome import Outcome
from search.run.manifest import git_state

RESULTS = Path(__file__).parent / "results" / "faults.json"
DOCUMENT = Path(__file__).parents[1] / "docs" / "reliability.md"
BEGIN, END = "<!-- table: begin -->", "<!-- table: end -->"
KILLS = "kills"
HEADING = "| campaign | seed | faults | what must not happen | rate below (95 %) | seconds |"
# Seconds: with shorter epochs the whole sweep would fit between two of Tune's snapshots.
STOCK_EPOCH = 1.0


@dataclass(frozen=True)
class Campaign:
    """A campaign with its size in full and in quick; a quick size of None leaves it out.

    room: campaigns of one room share a folder, and in it the undisturbed sweeps that they compare with.
    """

    name: str
    run: Callable[[int, int, Path], Outcome]
    full: int
    quick: int | None
    room: str = ""


def campaigns() -> list[Campaign]:
    """All of them, in the order of the document."""
    return [
        Campaign("driver", kills.kill_drivers, 100, 2, KILLS),
        Campaign("driver-real", partial(kills.kill_drivers, kind="real"), 10, None, KILLS),
        Campaign("worker", kills.kill_workers, 50, 2, KILLS),
        Campaign("worker-real", partial(kills.kill_workers, kind="real"), 10, None, KILLS),
        Campaign("node", kills.kill_nodes, 10, None, KILLS),
        Campaign("node-real", partial(kills.kill_nodes, kind="real"), 10, None, KILLS),
        Campaign("sigterm", partial(kills.interrupt, how="SIGTERM"), 10, 1, KILLS),
        Campaign("sigint", partial(kills.interrupt, how="SIGINT"), 10, None, KILLS),
        Campaign("sigint-twice", partial(kills.interrupt, how="SIGINT twice"), 10, None, KILLS),
        Campaign("sigterm-real", partial(kills.interrupt, kind="real", how="SIGTERM"), 10, None, KILLS),
        Campaign("sigint-real", partial(kills.interrupt, kind="real", how="SIGINT"), 10, None, KILLS),
        Campaign("sigint-twice-real", partial(kills.interrupt, kind="real", how="SIGINT twice"), 10, None, KILLS),
        Campaign("damage", damage.run, 50, 2),
        Campaign("disk", full_disk.run, 0, None),
        Campaign("inputs", bad_inputs.run, 0, 60),
        Campaign("brought", brought.run, 0, 40),
        Campaign("security", security.run, 0, 0),
        Campaign("stock", partial(stock.run, epoch_seconds=STOCK_EPOCH), 20, None),
    ]


@click.command()
@click.option("--quick", is_flag=True, help="A few faults of each kind, for every change.")
@click.option("--seed", default=1, show_default=True, help="Seed of all random moments.")
@click.option("--only", help="Names of campaigns, separated by commas.")
@click.option("--out", type=click.Path(path_type=Path), help="Add the outcomes to this JSON file.")
@click.option("--document", is_flag=True, help="Write the published outcomes into docs/reliability.md, run nothing.")
def main(quick: bool, seed: int, only: str | None, out: Path | None, document: bool) -> None:
    """Run campaigns of faults and print what came of them; exit code 1 when something happened that must not."""
    if document:
        DOCUMENT.write_text(documented(DOCUMENT.read_text(encoding="utf-8"), read(RESULTS)), encoding="utf-8")
        return
    chosen = [each for each in campaigns() if only is None or each.name in only.split(",")]
    console, outcomes = Console(), []
    work = Path(tempfile.mkdtemp(prefix="skazka-faults-"))
    for campaign in chosen:
        size = campaign.quick if quick else campaign.full
        if size is None or (campaign.name == "disk" and not _can_fill_disks(console)):
            continue
        console.print(f"{time.strftime('%H:%M:%S')} {campaign.name} …")
        room = work / (campaign.room or campaign.name)
        room.mkdir(exist_ok=True)
        outcome = campaign.run(size, seed, room)
        outcomes.append(outcome)
        console.print(f"         {line(outcome)}", highlight=False)
        if out is not None:
            _add(out, campaign.name, outcome)
    console.print(table(outcomes))
    if not all(outcome.passed for outcome in outcomes):
        console.print(f"kept for a look: {work}")
        sys.exit(1)
    shutil.rmtree(work, ignore_errors=True)


def _can_fill_disks(console: Console) -> bool:
    with tempfile.TemporaryDirectory() as work:
        able = full_disk.can_mount(Path(work))
    if not able:
        console.print("disk: left out, for mounting a small disk needs root")
    return able


def read(path: Path) -> dict[str, Outcome]:
    """Recorded outcomes by the name of their campaign, in the order of the document."""
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return {each.name: Outcome(**data[each.name]) for each in campaigns() if each.name in data}


def _add(path: Path, name: str, outcome: Outcome) -> None:
    data = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    data[name] = asdict(replace(outcome, noted={**outcome.noted, "code": (git_state()["commit"] or "")[:7]}))
    path.write_text(json.dumps(data, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")


def line(outcome: Outcome) -> str:
    """What happened that must not, or that nothing did."""
    bad = ", ".join(f"{name}: {count}" for name, count in outcome.never.items() if count)
    return bad or ("nothing that must not happen did" if outcome.never else "; ".join(_noted(outcome)))


def _noted(outcome: Outcome) -> list[str]:
    return [f"{name}: {value}" for name, value in outcome.noted.items() if value != "" and name != "code"]


def table(outcomes: Sequence[Outcome]) -> Table:
    """The outcomes for a terminal."""
    shown = Table("campaign", "faults", "what must not happen", "rate below (95 %)", "seconds")
    for outcome in outcomes:
        shown.add_row(*_cells(outcome))
    return shown


def _cells(outcome: Outcome) -> list[str]:
    bound = f"{outcome.bound:.3f}" if outcome.never and outcome.passed else "—"
    return [outcome.campaign, str(outcome.faults), line(outcome), bound, f"{outcome.seconds:.0f}"]


def documented(text: str, outcomes: dict[str, Outcome]) -> str:
    """The document with the table of these outcomes between its marks. Raises ValueError when it has no marks."""
    head, found, rest = text.partition(BEGIN)
    _, ended, tail = rest.partition(END)
    if not (found and ended):
        raise ValueError(f"{DOCUMENT.name} has no {BEGIN} … {END}")
    rows = [HEADING, "|---|---|---:|---|---|---:|"]
    for outcome in outcomes.values():
        name, *others = _cells(outcome)
        rows.append("| " + " | ".join([name, str(outcome.seed), *others]) + " |")
    return "\n".join([head + BEGIN, *rows, END + tail])


if __name__ == "__main__":
    main()
