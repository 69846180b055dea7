"""Texts that try to be markup, in every place where a study or a model puts text, and what became of them."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import yaml
from markdown_it import MarkdownIt
from PIL import Image

from search.options import Options
from search.run.ledger import BASE, Ledger
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from skazka_text.printable import UNPRINTABLE
from spaces.trial_config import TrialConfig
from studies.study import Study, read_study
from trainables.answers import Answer, GradedAnswer, grade_answers, grader_of
from trainables.scoring import score_answers

# Each has letters of its own: the names of a study must differ for grading.
PAYLOADS = (
    "<script>alert('one')</script>",
    "<img src=x onerror=alert('two')>",
    "<svg/onload=alert('three')>",
    "<iframe src='javascript:alert(4)'>four</iframe>",
    "<!-- five --><b>",
    "<?php six ?>",
    "<![CDATA[seven]]>",
    "&lt;script&gt;eight&#60;/script&#62;",
    "![nine](javascript:alert(9))",
    "![ten](http://evil.example/ten.png)",
    "[eleven](http://evil.example)",
    "[twelve](<javascript:alert(12)>)",
    "[thirteen]: http://evil.example",
    "](javascript:alert(14)) ![fourteen",
    "<http://fifteen.example>",
    "https://sixteen.example www.sixteen.example",
    "<mail@seventeen.example>",
    "a | eighteen | b |",
    "`nineteen` ``` nineteen",
    "\\<b>twenty</b>\\",
    "\\\\[twenty-one](http://evil.example)",
    "x\r\r# twenty-two\r\r<b>",
    "x\u2028<u>twenty-three</u>",
    "[red]twenty-four[/red]",
    "[link=http://evil.example]twenty-five[/link]",
    "[/] [bold",
    "\x1b[31mtwenty-seven\x1b[0m",
    "\x1b]8;;http://evil.example\x07twenty-eight\x1b]8;;\x07",
    "\x1b]0;twenty-nine\x07",
    "\x9b2Jthirty",
    "ok\r\x1b[2Kthirty-one",
    "\u202egnp.thirty-two\u2066",
    "${jndi:thirty-three}{{7*7}}{% raw %}",
    "$\\alpha$ thirty-four $x^",
)
FRAGMENTS = (*"<>[]()!`*_|\\#&:/\x1b\x07\x9b\r\u202e", *PAYLOADS, "script", "![", "](", "</", "javascript:", "\x1b[")
# Payloads of one run folder.
BATCH = 40
ROLES = ("target", "control", "negative")
MODEL = "owner/![x](javascript:alert(1))<b> # `: {y"
# What the report's own template and tables consist of.
HEADINGS, TABLE = ("h1", "h2", "h3"), ("table", "thead", "tbody", "tr", "th", "td")
STRUCTURE = frozenset((*HEADINGS, *TABLE, "p", "ul", "li", "strong", "em", "pre", "code", "img"))


def texts(size: int, source: random.Random) -> list[str]:
    """`size` payloads: all written ones for 0, some of them, or mixtures of them besides."""
    if 0 < size <= len(PAYLOADS):
        return source.sample(PAYLOADS, size)
    mixed = [_mixture(number, source) for number in range(size - len(PAYLOADS))]
    return [*PAYLOADS, *mixed]


def _mixture(number: int, source: random.Random) -> str:
    parts = "".join(source.choices(FRAGMENTS, k=source.randint(2, 6)))
    # The place of the word that makes it one of a kind: an end that is a backslash is worth trying too.
    cut = source.randint(0, len(parts))
    return f"{parts[:cut]}mix{number}{parts[cut:]}"[:190].strip()


def make_study(folder: Path, payloads: Sequence[str], language: str) -> Study:
    """A study that passes every check, with the payloads as names, questions, answers and lexicon."""
    folder.mkdir(parents=True)
    rows: dict[str, list[dict[str, Any]]] = {"training": [], "probes": []}
    for number, payload in enumerate(payloads):
        for kind, place in (("training", "train"), ("probes", "search"), ("probes", "test")):
            image = f"{place}-{number}.bmp"
            Image.new("RGB", (2, 1), (number, len(place), 90)).save(folder / image)
            row = {"image": image, "character": payload, "question": payloads[-number]}
            if kind == "probes":
                rows[kind].append({**row, "id": f"{place} {payload}", "kind": "name", "split": place})
            elif number % len(ROLES) == 0:
                rows[kind].append({**row, "answer": payload})
    for kind, lines in rows.items():
        (folder / f"{kind}.jsonl").write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    file = {
        "name": "hostile [red]<b>",
        "language": language,
        "base_model": {"id": MODEL, "revision": "![x](javascript:1)"},
        "characters": [{"name": name, "role": ROLES[place % 3]} for place, name in enumerate(payloads)],
        "training": "training.jsonl",
        "probes": "probes.jsonl",
        "lexicon": {f"{payload} too": [] for payload in payloads},
        "baselines": {payload: {} for payload in payloads},
    }
    (folder / "study.yaml").write_text(yaml.safe_dump(file), encoding="utf-8")
    return read_study(folder / "study.yaml")


def make_run(path: Path, study: Study, payloads: Sequence[str]) -> RunFolder:
    """A finished run: each payload names a failed baseline, is an error and an answer of two trials with scores."""
    folder = RunFolder(path)
    path.mkdir()
    folder.freeze(study, study.space())
    ledger = Ledger.create(folder.ledger_file)
    ledger.set_meta("manifest", _manifest(study, payloads))
    ledger.set_meta("frozen", folder.hashes())
    ledger.set_meta("trials_asked", len(payloads) + 2)
    ledger.put_answers(BASE, "search", _answers(study, payloads))
    for number, payload in enumerate(payloads):
        _start(ledger, number, payload, "baseline")
        ledger.finish(f"t{number:04d}", "failed", payloads[-number])
    for number, name in ((len(payloads), payloads[0]), (len(payloads) + 1, payloads[-1])):
        trial = _start(ledger, number, name, "baseline" if number == len(payloads) else "search")
        after = _answers(study, study.names)
        score = score_answers(ledger.answers(BASE), after, study.roles, study.file.score)
        ledger.record_epoch(trial, 1, {"train_loss": 1.0, "eval_loss": 1.0, "name_margin": 0.5, **vars(score)}, after)
        ledger.finish(trial, "completed")
    ledger.close()
    return folder


def _start(ledger: Ledger, number: int, name: str, kind: str) -> str:
    trial, config = f"t{number:04d}", TrialConfig().model_dump(mode="json")
    ledger.add(TrialRow(trial, number, kind, name, config, 7, True))  # type: ignore[arg-type]
    ledger.start(trial)
    return trial


def _answers(study: Study, said: Sequence[str]) -> list[GradedAnswer]:
    probes = study.probes_of("search")
    answers = [Answer(probe.id, said[place % len(said)]) for place, probe in enumerate(probes)]
    return grade_answers(grader_of(study), probes, answers)


def _manifest(study: Study, payloads: Sequence[str]) -> dict[str, Any]:
    return {
        "created": payloads[0],
        "options": Options(trials=len(payloads) + 2).model_dump(),
        "study": {"name": study.file.name, "folder": str(study.folder), "sha256": study.content_hash},
        "base_model": {"id": MODEL, "revision": payloads[-1], "dtype": payloads[0], "sha256": None},
        "code": {"commit": None, "dirty": None},
        "versions": {"python": payloads[0], payloads[-1]: "1"},
        "hardware": {"platform": payloads[0], "cpus": 2, "memory_bytes": 1},
    }


class _Tags(HTMLParser):
    """Collects what a report's own Markdown never renders to."""

    def __init__(self) -> None:
        super().__init__()
        self.active: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note a strange tag, a strange picture and every handler."""
        values = dict(attrs)
        strange = tag not in STRUCTURE or (tag == "img" and not str(values.get("src")).startswith("charts/"))
        if strange or any(name.startswith("on") or name == "href" for name in values):
            self.active.append(f"<{tag}>")

    def handle_comment(self, data: str) -> None:
        """A comment hides what follows it."""
        self.active.append("<!-- -->")

    def handle_pi(self, data: str) -> None:
        """So may a processing instruction."""
        self.active.append("<? ?>")

    def unknown_decl(self, data: str) -> None:
        """And so may a section of character data."""
        self.active.append("<![ ]]>")


def active_tags(markdown: str) -> list[str]:
    """The tags of Markdown, rendered with HTML allowed, that no report has of its own."""
    tags = _Tags()
    tags.feed(MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(markdown))
    tags.close()
    return tags.active


def controls(shown: str) -> int:
    """How many characters of a program's output a terminal would obey, line ends aside."""
    return len(UNPRINTABLE.findall(shown.replace("\n", "")))
