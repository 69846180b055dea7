"""Write the measured verdicts into docs/verdicts.md: `python -m benchmarks.verdicts_page`.

The figures are what `benchmarks.verdicts` (by images a character) and `benchmarks.shuffled` left in benchmarks/results.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

HOME = Path(__file__).parents[1]
RESULTS, DOCUMENT = HOME / "benchmarks" / "results", HOME / "docs" / "verdicts.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
# (name in the results, title, goal)
ROWS = (
    ("search optimism", "best search score less the truth", ""),
    ("re-trained optimism", "winner's mean search score less the truth", ""),
    ("reported optimism", "winner's mean test score less the truth", "at most 0.02 either way"),
    ("regret", "true best less the truth of the winner", "at most 0.03"),
    ("regret by search score", "the same, had the best search score been taken", "at least twice the regret"),
    ("winner covered", "95 % interval of the winner on test holds the truth", "0.93 to 0.97"),
    ("repeats covered", "95 % interval of a configuration from 3 repeats", "0.93 to 0.97"),
    ("one training covered", "95 % interval of one training", "0.93 to 0.97"),
    ("false claim, one training", "reports with a false claim, one training", "at most 0.05"),
    ("false claim, repeats", "reports with a false claim, 3 repeats", "at most 0.05"),
)


def read() -> tuple[dict[str, Any], dict[str, Any]]:
    """The simulated sweeps by images a character, most first, and the shuffled sweeps."""
    found = {path.stem.rpartition("_")[2]: _load(path) for path in RESULTS.glob("verdicts_*.json")}
    return dict(sorted(found.items(), key=lambda item: -int(item[0]))), _load(RESULTS / "shuffled.json")


def _load(path: Path) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return data


def figures() -> str:
    """Both tables as Markdown."""
    simulated, shuffled = read()
    lines = ["| | goal | " + " | ".join(f"{images} images" for images in simulated) + " |"]
    lines.append("|---|---|" + "---:|" * len(simulated))
    for name, title, goal in ROWS:
        cells = [each["figures"][name] for each in simulated.values()]
        shown = [f"{cell['mean']:.4f} ± {cell['standard error']:.4f}" for cell in cells]
        lines.append(f"| {title} | {goal} | " + " | ".join(shown) + " |")
    lines += ["", "| sweeps with shuffled answers | reports | with a false “improvement” | by the change alone |"]
    lines.append("|---|---:|---:|---:|")
    for title in ("one training, search", "repeats, test"):
        counts = (shuffled[title][name] for name in ("reports", "with a false claim", "by the change alone"))
        lines.append(f"| {title} | " + " | ".join(map(str, counts)) + " |")
    return "\n".join(lines)


def documented(text: str) -> str:
    """The page with the figures between its marks."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n{figures()}\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    DOCUMENT.write_text(documented(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
