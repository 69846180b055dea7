"""How a run asks its base: settled when it is first prepared, and kept in its ledger."""

from __future__ import annotations

from contextlib import closing

from search.run.ledger import Ledger
from search.run.run_folder import RunFolder
from trainables.facts import Facts
from trainables.prompting import Prompting

# Where the ledger keeps it.
PROMPTING = "prompting"


def read_prepared(folder: RunFolder) -> Facts | None:
    """What an earlier preparation found; None where there is none that is whole."""
    try:
        return Facts.read(folder.prepared)
    except (OSError, ValueError, KeyError, TypeError):
        return None


def prompting_of(folder: RunFolder, ledger: Ledger) -> Prompting | None:
    """How a run asks its base, on whatever day it is prepared again; None before that is settled."""
    missing = "missing"
    kept = ledger.meta(PROMPTING, missing)
    if kept != missing:
        return None if kept is None else Prompting.from_data(kept)
    if (facts := read_prepared(folder)) is not None:
        return facts.prompting
    # Earlier versions kept it with what was prepared alone; before that is there, no trial is entered.
    return Prompting() if ledger.trials() else None


def keep_prompting(folder: RunFolder, facts: Facts) -> None:
    """Enter in the ledger how the run asks, for the day that what was prepared is lost."""
    with closing(folder.ledger()) as ledger:
        if ledger.meta(PROMPTING) is None:
            ledger.set_meta(PROMPTING, facts.prompting.as_data())


def keep_prompting_over_change(folder: RunFolder, ledger: Ledger, *, of_model: bool) -> None:
    """Before what was prepared is set aside: keep how the run asks, unless model or template arguments are others."""
    known = prompting_of(folder, ledger)
    given = folder.found_study().file.base_model.template
    stays = known is not None and not of_model and all(known.template.get(name) == given[name] for name in given)
    ledger.set_meta(PROMPTING, known.as_data() if known is not None and stays else None)
