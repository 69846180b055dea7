"""The program under fault: `python -m benchmarks.campaigns.sweep stand-in|real launch|resume ...`, else as `skazka`."""

from __future__ import annotations

import os
import sys
from typing import Any

import analysis.report
import search.launch
import studies.files
from benchmarks.campaigns.fault_points import DRIVER, reach
from benchmarks.campaigns.stand_in import StandInTrial, WatchedTrial, _before
from search.run.ledger import Ledger
from search.run.run_folder import RunFolder
from skazka.cli import main
from trainables.facts import Facts


def _facts(folder: RunFolder) -> Facts:
    """What a preparation would find of a study that no model sees."""
    return Facts(longest_prompt=1, prompt_lengths={}, before=_before(folder.study()))


def _watch_driver() -> None:
    start, put_trial, replace_file = Ledger.start, Ledger._put_trial, studies.files.replace_file

    def watched_start(self: Ledger, trial: str) -> None:
        reach("ask")
        start(self, trial)

    def watched_put(self: Ledger, *arguments: Any) -> None:
        put_trial(self, *arguments)
        reach("commit")

    def watched_replace(*arguments: Any) -> None:
        reach("report")
        replace_file(*arguments)

    Ledger.start = watched_start  # type: ignore[method-assign]
    Ledger._put_trial = watched_put  # type: ignore[method-assign,assignment]
    analysis.report.replace_file = watched_replace  # type: ignore[assignment,attr-defined]


def run(kind: str, arguments: list[str]) -> None:
    """Run the program with stand-ins or with the real trainable; exits as the program does."""
    os.environ[DRIVER] = str(os.getpid())
    _watch_driver()
    if kind == "stand-in":
        search.launch.LoraTrial = StandInTrial  # type: ignore[attr-defined]
        search.launch.read_prepared = _facts  # type: ignore[attr-defined]
    else:
        search.launch.LoraTrial = WatchedTrial  # type: ignore[attr-defined]
    main(arguments, prog_name="skazka")


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2:])
