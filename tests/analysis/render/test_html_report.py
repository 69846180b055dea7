"""report.html as a file: texts stay text, nothing comes from outside, the policy fits, sizes hold."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
from collections import Counter
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from sample_documents import PAYLOADS, every_block, make_pictures

from analysis.messages.catalogue import Messages
from analysis.render.document import Answers, Column, Document, Section, Table, Text
from analysis.render.html_data import answers_data, data_block, grade_word
from analysis.render.html_images import data_uri
from analysis.render.html_report import TEMPLATES, fact_lists, has_prose, render, shown, sort_value
from trainables.grading import Grade

MEBIBYTE = 1 << 20
VOID = {"meta", "link", "img"}


class Page(HTMLParser):
    """What a page holds: its elements, attributes, texts and the contents of scripts and styles."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[tuple[str, dict[str, str]]] = []
        self.texts: list[str] = []
        self.raw: list[tuple[str, dict[str, str], str]] = []
        self._open: list[tuple[str, dict[str, str]]] = []
        self.feed(text)
        self.close()
        assert not self._open, "elements are left open"

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = (tag, {name: value or "" for name, value in attrs})
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop()[0] == tag

    def handle_data(self, data: str) -> None:
        tag, attributes = self._open[-1] if self._open else ("", {})
        if tag in ("script", "style"):
            self.raw.append((tag, attributes, data))
        else:
            self.texts.append(data)

    @property
    def shape(self) -> list[tuple[str, tuple[str, ...]]]:
        """The elements with the names of their attributes."""
        return [(tag, tuple(attributes)) for tag, attributes in self.elements]

    def values(self, name: str) -> list[str]:
        """Every value of an attribute."""
        return [attributes[name] for _, attributes in self.elements if name in attributes]

    def data(self) -> dict[str, Any]:
        """The data blocks by id."""
        return {a["id"]: json.loads(text) for _, a, text in self.raw if a.get("type") == "application/json"}


def without_charts(document: Document) -> Document:
    """The document without figures, so that no bundle is read."""
    return replace(document, sections=[replace(s, sections=()) for s in document.sections if s.key != "charts"])


def small_shape(mark: str) -> list[tuple[str, tuple[str, ...]]]:
    """The elements of a small page whose texts all have this mark."""
    return Page(render(without_charts(every_block(mark, 1, 2)), Path("/nowhere"), Path("/nowhere"))).shape


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pictures")
    make_pictures(folder)
    return folder


@pytest.fixture(scope="module")
def plain(pictures: Path) -> str:
    return render(every_block(), pictures, pictures)


def test_markup_in_any_text_adds_no_element_and_stays_readable(pictures: Path) -> None:
    mark = " ".join(PAYLOADS)
    page = Page(render(every_block(mark), pictures, pictures))
    assert page.shape == Page(render(every_block("я" * len(mark)), pictures, pictures)).shape
    assert sum(mark in text for text in page.texts) > 40


SMALL_SHAPE = small_shape(".")


@given(mark=st.text(max_size=40))
@settings(max_examples=15, deadline=None)
def test_no_text_at_all_adds_an_element(mark: str) -> None:
    assert small_shape(f".{mark}") == SMALL_SHAPE


def test_the_policy_allows_these_scripts_and_styles_and_nothing_else(plain: str) -> None:
    page = Page(plain)
    policy = page.values("content")[0] if page.values("content") else ""
    rules = dict(rule.split(" ", 1) for rule in policy.split("; "))
    sources = {
        tag: [text for kind, a, text in page.raw if kind == tag and a.get("type") != "application/json"]
        for tag in ("script", "style")
    }
    for tag, texts in sources.items():
        hashes = {base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in texts}
        assert set(rules[f"{tag}-src"].split()) == {f"'sha256-{value}'" for value in hashes}
    assert {name: value for name, value in rules.items() if name not in ("script-src", "style-src")} == {
        "default-src": "'none'",
        "img-src": "data:",
        "connect-src": "'none'",
        "base-uri": "'none'",
        "form-action": "'none'",
        "require-trusted-types-for": "'script'",
        "trusted-types": "'none'",
    }


def test_nothing_is_loaded_and_no_attribute_is_a_script_or_a_style(plain: str) -> None:
    page = Page(plain)
    assert all(value.startswith("data:") for value in page.values("src"))
    assert all(value.startswith(("data:,", "#")) for value in page.values("href"))
    names = {name for _, attributes in page.elements for name in attributes}
    assert "style" not in names
    assert not any(name.startswith("on") for name in names)


def test_anchors_and_labels_have_their_targets_and_headings_are_nested(plain: str) -> None:
    page = Page(plain)
    ids = Counter(page.values("id"))
    assert set(ids.values()) == {1}
    assert {value.removeprefix("#") for value in page.values("href") if value.startswith("#")} <= set(ids)
    assert {*page.values("aria-labelledby"), *page.values("data-source")} <= set(ids)
    levels = [int(tag[1]) for tag, _ in page.elements if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


@pytest.mark.parametrize("language", ["ru", "en"])
def test_the_page_says_its_language(language: str) -> None:
    document = Document(language, "title", "subtitle", [])
    assert dict(Page(render(document, Path(), Path())).elements)["html"] == {"lang": language}


def test_without_figures_the_page_is_small_and_has_no_bundle() -> None:
    page = render(without_charts(every_block(probes=2)), Path("/nowhere"), Path("/nowhere"))
    assert "plotly" not in page.replace((TEMPLATES / "report.js").read_text(), "").replace(
        (TEMPLATES / "report.css").read_text(), ""
    )
    assert len(page) < 60_000


def test_a_hundred_trials_stay_under_15_megabytes(pictures: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As large as a chart of four panels is, without encoding a hundred of them.
    monkeypatch.setattr("analysis.render.html_report.data_uri", lambda *_: "data:image/webp;base64," + "A" * 30_000)
    mark = " — отвечает модель словами, которых хватает на строку"
    page = render(every_block(mark, trials=100, probes=84), pictures, pictures)
    assert len(page.encode()) < 15 * MEBIBYTE


def test_what_is_secret_is_hidden_and_the_scripts_keep_their_hashes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HUB_TOKEN", "hf_0123456789")
    monkeypatch.setenv("SILLY_PASSWORD", "document")
    page = render(
        Document("en", "my hf_0123456789", "", [Section("s", "s", [Text("x hf_0123456789")])]), Path(), Path()
    )
    assert "hf_0123456789" not in page
    assert "<title>my ***</title>" in page
    assert (TEMPLATES / "report.js").read_text() in page


# Data


def test_a_data_block_cannot_be_ended_and_reads_back() -> None:
    value = {"a": ["</script><!--", "& \u2028 \u202e", "Алёша", 1.5], "b": None}
    block = data_block(value)
    assert not set(block) & set("<>&\u2028\u2029\u202e")
    assert json.loads(block) == {"a": ["</script><!--", "&  ", "Алёша", 1.5], "b": None}


@given(
    st.recursive(st.none() | st.floats() | st.text(), lambda inner: st.lists(inner) | st.tuples(inner), max_leaves=8)
)
def test_any_value_becomes_json(value: Any) -> None:
    assert not set(data_block(value)) & set("<>&")
    json.loads(data_block(value), parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


def test_answers_hold_each_text_and_picture_once() -> None:
    answers = every_block(trials=3, probes=8).sections[3].blocks[0]
    assert isinstance(answers, Answers)
    asked: list[str] = []

    def thumbnail(image: str) -> str | None:
        asked.append(image)
        return None if image == "3.png" else f"data:{image}"

    data = answers_data(answers, Messages("ru"), thumbnail)
    assert asked == ["0.png", "1.png", "2.png", "3.png"]
    assert data["pictures"] == ["data:0.png", "data:1.png", "data:2.png", None]
    assert len(set(data["texts"])) == len(data["texts"])
    assert data["characters"] == ["Чебурашка", "Колобок", "Супермен", "Солнышко"]
    third = data["probes"][2]
    texts, grades = data["texts"], [grade["name"] for grade in data["grades"]]
    assert texts[third["question"]] == "Кто это?"
    assert (texts[third["before"][0]], grades[third["before"][1]]) == ("", "correct")
    given_after = list(zip(third["after"][::2], third["after"][1::2], strict=True))
    assert [(texts[text], grades[grade]) for text, grade in given_after] == [
        ("Это Супермен", "wrong_known"),
        ("Это Солнышко", "wrong_unknown"),
        ("Это Чебурашка", "wrong_fact"),
    ]


def test_a_trial_that_was_not_asked_a_probe_has_no_answer_to_it() -> None:
    answers = every_block(trials=2, probes=1).sections[3].blocks[0]
    assert isinstance(answers, Answers)
    only_second = replace(answers.probes[0], after={"t1": ("да", "correct")})
    data = answers_data(replace(answers, probes=[only_second]), Messages("ru"), lambda _: None)
    assert data["probes"][0]["after"] == [-1, -1, data["texts"].index("да"), 0]


@pytest.mark.parametrize("language", ["ru", "en"])
def test_every_grade_has_words_of_its_own(language: str) -> None:
    words = [grade_word(grade, Messages(language)) for grade in Grade]
    assert len(set(words)) == len(Grade)
    assert not any("_" in word for word in words)


def test_a_grade_from_elsewhere_is_shown_by_its_name() -> None:
    assert grade_word("excellent", Messages("en")) == "excellent"


def test_a_thumbnail_is_small_and_a_bad_picture_is_none(tmp_path: Path) -> None:
    Image.new("RGB", (400, 100), "red").save(tmp_path / "wide.png")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n oh no")
    found = data_uri(tmp_path / "wide.png", 96)
    assert found is not None
    with Image.open(io.BytesIO(base64.b64decode(found.split(",")[1]))) as image:
        assert image.size == (96, 24)
    assert [data_uri(tmp_path / name, 96) for name in ("broken.png", "missing.png", "")] == [None] * 3


# Tables and facts


def test_cells_are_shown_as_the_document_says() -> None:
    assert [shown(cell) for cell in (None, float("nan"), 0.5, -0.0, 3, "a")] == ["—", "—", "0.5000", "0.0000", "3", "a"]


@pytest.mark.parametrize(
    ("cell", "expected"),
    [(0.5, 0.5), (3, 3), (None, None), (float("nan"), None), ("0.25 ± 0.1", 0.25), ("−12,5 %", -12.5), ("—", None)],
)
def test_a_column_of_numbers_is_sorted_by_numbers(cell: str | float | None, expected: float | None) -> None:
    assert sort_value(cell, Column("score", number=True)) == expected
    assert sort_value(cell, Column("name")) is None


def test_a_table_of_sentences_is_told_from_one_of_numbers() -> None:
    table = Table("t", [Column("a"), Column("b")], [("Колобок", "правильный ответ на 2 из 3 вопросов")])
    assert has_prose(table)
    assert not has_prose(replace(table, filters=True)), "a long table stays one"
    assert not has_prose(replace(table, rows=[("Колобок", 0.123456789), ("Супермен", None)]))


def test_facts_with_and_without_labels_are_lists_of_their_own() -> None:
    verdict = every_block().sections[0].blocks[-1]
    assert list(fact_lists(verdict)) == [  # type: ignore[arg-type]
        (False, [("", "просто факт")]),
        (True, [("Модель", "Qwen"), ("Время", "2 ч 5 мин")]),
    ]


# Colours


def luminance(color: str) -> float:
    """Relative luminance of #rrggbb. Source: WCAG 2.2, definition of relative luminance."""
    parts = [int(color[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, 1 to 21. Source: WCAG 2.2, success criterion 1.4.3."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("place", [0, 1], ids=["light", "dark"])
def test_texts_stand_out_from_their_grounds(place: int) -> None:
    css = (TEMPLATES / "report.css").read_text(encoding="utf-8")
    palettes = [dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6})", part)) for part in css.split("prefers-color-scheme", 1)]
    colors = palettes[place]
    pairs = [(text, ground) for text in ("ink", "muted", "accent") for ground in ("ground", "raised")]
    for tone in ("good", "bad", "unsure"):
        pairs += [(tone, f"{tone}-ground"), ("ink", f"{tone}-ground"), ("muted", f"{tone}-ground")]
    assert {pair: contrast(colors[pair[0]], colors[pair[1]]) >= 4.5 for pair in pairs} == dict.fromkeys(pairs, True)
