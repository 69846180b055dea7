"""What `search/outputs/export_check.py` is asked: the base, the probes as the trial saw them, and what it said then."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from search.outputs.export_check import digest
from studies.images import open_rgb
from studies.study import Study
from trainables.answers import Answer, asking_batches
from trainables.facts import ROWS, Facts
from trainables.prompting import CHECKPOINTS_OWN


@dataclass(frozen=True)
class EncodedStudy:
    """What a check needs of the tokens of a prepared study.

    names: character -> token ids of its name as a whole answer. prompts: probe -> `export_check.digest` of its prompt.
    """

    names: Mapping[str, Sequence[int]]
    prompts: Mapping[str, str]

    @classmethod
    def read(cls, prepared: Path) -> EncodedStudy:
        """From the folder that `Prepared.save` wrote."""
        data = json.loads((prepared / ROWS).read_text(encoding="utf-8"))
        return cls(data["names"], {probe: digest(row["prompt"]) for probe, row in data["probes"].items()})


def check_request(
    study: Study,
    base: Mapping[str, Any],
    facts: Facts,
    names: Mapping[str, Sequence[int]],
    recorded: Sequence[Answer],
    scratch: Path,
) -> dict[str, Any]:
    """The request as plain JSON, without the adapter and what is to be done with it; pictures lie in `scratch`.

    base: `id`, `revision` and `dtype` of the base model. recorded: the trial's answers. Raises FileError for a picture
    that cannot be read any more.
    """
    spec, prompting = study.file.base_model, facts.prompting
    return {
        "base_model": base["id"],
        "revision": base["revision"],
        "dtype": base["dtype"],
        "attention": spec.attention,
        "device_map": spec.device_map,
        "quantization": spec.quantised_as(prompting.unquantised),
        "image_size": spec.image_size,
        "max_pixels": spec.max_pixels,
        "stops": list(prompting.stops),
        "text_only": prompting.text_only,
        "template": dict(prompting.template),
        "greedy": prompting.generation != CHECKPOINTS_OWN,
        "max_new_tokens": study.file.evaluation.max_new_tokens,
        "probes": _probes(study, recorded, scratch),
        "names": {name: list(ids) for name, ids in names.items()},
        **_batches(facts, recorded, study.file.evaluation.max_new_tokens),
    }


def _probes(study: Study, recorded: Sequence[Answer], scratch: Path) -> list[dict[str, Any]]:
    """What is asked, each picture as the model saw it: in RGB and upright, whatever it is in the study."""
    probes = {probe.id: probe for probe in study.probes}
    seen: dict[str, str] = {}
    for image in dict.fromkeys(probes[answer.probe].image for answer in recorded):
        if image is not None:
            seen[image] = str(scratch / f"{len(seen)}.png")
            open_rgb(study.folder / image).save(seen[image])
    return [
        {
            "image": seen.get(probes[answer.probe].image or ""),
            "question": probes[answer.probe].question,
            "text": answer.text,
        }
        for answer in recorded
    ]


def _batches(facts: Facts, recorded: Sequence[Answer], new_tokens: int) -> dict[str, list[list[int]]]:
    """Places in `recorded` that are asked together: the trial's own batches, and those that are asked for names.

    What the same sums round, they round alike; names are asked for behind prompts of one length, without padding.
    """
    places = {answer.probe: place for place, answer in enumerate(recorded)}
    lengths = {probe: facts.prompt_lengths[probe] for probe in places}
    naming: dict[int, dict[str, int]] = {}
    for answer in recorded:
        if answer.name_log_probabilities:
            naming.setdefault(lengths[answer.probe], {})[answer.probe] = lengths[answer.probe]
    asked = {
        "batches": asking_batches(lengths, new_tokens),
        "naming": [batch for same in naming.values() for batch in asking_batches(same, new_tokens)],
    }
    return {what: [[places[probe] for probe in batch] for batch in batches] for what, batches in asked.items()}
