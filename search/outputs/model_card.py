"""The card of an exported adapter, as the hub shows it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from search.outputs.fitness import Fitness
from search.run.trial_row import TrialRow
from skazka_text.markdown import Markdown, escape
from skazka_text.printable import json_line
from studies.study import Study
from trainables.prompting import CHECKPOINTS_OWN, Prompting
from trainables.scoring import PARTS, SCORE_AND_PARTS, Score

CARD = Path(__file__).parent / "model_card.md.j2"


def model_card(
    study: Study,
    row: TrialRow,
    manifest: dict[str, Any],
    tested: Score | None,
    fitness: Fitness | None,
    prompting: Prompting,
    check: Mapping[str, Any],
) -> str:
    """A Hub model card: what the adapter is, how it scored, on what and how it was checked, and a usage example.

    check: see `search.outputs.export.Check.as_data`.
    """
    import jinja2

    environment = jinja2.Environment(
        finalize=escape, autoescape=False, undefined=jinja2.StrictUndefined, trim_blocks=True
    )
    environment.filters["code"] = lambda value: Markdown(json_line(value))
    example = study.probes_of("search")[0]
    return environment.from_string(CARD.read_text(encoding="utf-8")).render(
        study=study.file,
        targets=study.named("target"),
        fitness=fitness,
        probes=len(study.probes_of("search")),
        trial=row,
        parts=PARTS,
        scores=SCORE_AND_PARTS,
        tested=tested,
        tests=len(study.probes_of("test")),
        manifest=manifest,
        question=example.question,
        check=check,
        # As literals of Python.
        template=Markdown("".join(f", {name}={value!r}" for name, value in prompting.template.items())),
        greedy=prompting.generation != CHECKPOINTS_OWN,
        stops=Markdown(str(list(prompting.stops))) if prompting.stops else None,
        pictures=study.has_pictures,
        units="pictures" if study.has_pictures else "questions",
        text_only=prompting.text_only,
        model_class="AutoModelForCausalLM" if prompting.text_only else "AutoModelForImageTextToText",
        processor_class="AutoTokenizer" if prompting.text_only else "AutoProcessor",
    )
