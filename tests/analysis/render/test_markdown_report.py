"""A document as Markdown: every text of it stays text, tables stay whole, and long ones are cut."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.render.document import Answers, Block, Chart, Code, Column, Document, Facts, Section, Table, Text
from analysis.render.markdown_report import MAX_ROWS, render

HOSTILE = "<script>x</script> | *a*\n# b `c` [d](e)"


def _render(*blocks: Block, title: str = "T") -> str:
    return render(Document("en", "D", "S", [Section("s", title, blocks)]))


def test_the_whole_of_a_small_document() -> None:
    inner = Section("i", "Inner", [Code("a\nb")])
    table = Table("t", [Column("A"), Column("B", number=True)], [["x", 0.5], [None, 3]])
    facts = Facts([("Name", "value"), ("", "bullet")])
    document = Document("en", "D", "S", [Section("s", "Outer", [Text("words"), facts, table], [inner])])
    assert render(document) == (
        "# D\n\nS\n\n## Outer\n\nwords\n\n- **Name:** value\n- bullet\n\n"
        "| A | B |\n|---|---:|\n| x | 0.5000 |\n| — | 3 |\n\n### Inner\n\n```\na\nb\n```\n"
    )


def test_pictures_are_linked_and_the_answers_are_in_the_html() -> None:
    text = _render(Chart("c", "A [chart]", "charts/a.png"), Chart("d", "none", None), Answers([], []))
    assert r"![A \[chart\]](charts/a.png)" in text
    assert "none" not in text
    assert "can be browsed in report.html" in text


@pytest.mark.parametrize(
    "block",
    [
        Text(HOSTILE),
        Facts([(HOSTILE, HOSTILE), ("", HOSTILE)]),
        Table("t", [Column(HOSTILE)], [[HOSTILE]]),
        Chart(HOSTILE, HOSTILE, "charts/a.png"),
    ],
)
def test_hostile_text_stays_text(block: Block) -> None:
    text = _render(block, title=HOSTILE)
    assert "<script" not in text
    assert not re.search(r"^# b", text, re.MULTILINE)
    assert not re.search(r"(?<!\\)\[d\]\(e\)", text)


@settings(deadline=None, max_examples=50)
@given(st.text(alphabet="|\\-+=1.#>ab \n", max_size=12), st.text(alphabet="|\\ab\n", max_size=8))
def test_no_cell_breaks_a_table(first: str, second: str) -> None:
    text = _render(Table("t", [Column("A"), Column("B")], [[first, second]]))
    row = text.splitlines()[-1]
    assert len(re.findall(r"(?<!\\)(?:\\\\)*\|", row)) == 3


@pytest.mark.parametrize("text", ["- a", "+ a", "1. a", "12. a", "=== a"])
def test_a_paragraph_does_not_become_a_list_or_a_heading(text: str) -> None:
    line = _render(Text(text)).splitlines()[-1]
    assert not re.match(r"([-+=]|\d+\.)", line)


def test_a_long_table_is_cut_and_says_so() -> None:
    table = Table("t", [Column("A", number=True)], [[number] for number in range(MAX_ROWS + 2)])
    text = _render(table)
    assert f"| {MAX_ROWS - 1} |" in text
    assert f"| {MAX_ROWS} |" not in text
    assert text.endswith("2 more rows are in report.html.\n")


def test_no_number_is_a_dash() -> None:
    assert "| — | 1 |" in _render(Table("t", [Column("A"), Column("B")], [[float("nan"), 1]]))
