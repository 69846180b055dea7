"""Tasks of Label Studio's JSON: what annotators said beside the task's data, as its smaller export JSON-MIN has it."""

from __future__ import annotations

from collections import defaultdict
from typing import Any


def is_task(row: dict[str, Any]) -> bool:
    """Whether a row keeps its data and its annotations apart, as Label Studio does."""
    annotations = row.get("annotations")
    of_objects = isinstance(annotations, list) and all(isinstance(one, dict) for one in annotations)
    return of_objects and isinstance(row.get("data"), dict)


def flattened(task: dict[str, Any]) -> dict[str, Any]:
    """The data with the words of the first annotation that was not cancelled, under the names of their controls."""
    given = (one.get("result") for one in task["annotations"] if not one.get("was_cancelled"))
    results = next((result for result in given if isinstance(result, list) and result), [])
    said: dict[str, list[str]] = defaultdict(list)
    for result in results:
        if isinstance(result, dict) and isinstance(result.get("from_name"), str):
            said[result["from_name"]] += _words(result.get("value"))
    return {**task["data"], **{name: words for name, words in said.items() if words}}


def _words(value: Any) -> list[str]:
    """What a result says: its choices, labels or texts, whatever they are called there."""
    lists = [one for one in value.values() if isinstance(one, list)] if isinstance(value, dict) else []
    return next((words for words in lists if words and all(isinstance(word, str) for word in words)), [])
