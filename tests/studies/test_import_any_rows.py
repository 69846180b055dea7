"""Whatever stands in the cells of a table, its rows are read or skipped with a reason of bounded length."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from skazka_text.problems import InputError
from studies.importers.columns import KNOWN
from studies.importers.csv_records import csv_records
from studies.importers.encodings import read_text
from studies.importers.found import DETAIL, Found, Noticed, Skipped
from studies.importers.json_records import json_records
from studies.importers.options import ImportOptions
from studies.importers.table_rows import Part, table_rows

WORDS = st.sampled_from(
    ["", "Кто это?", "<image>", "[IMG]", "nan", "[1", "['a']", '{"role": "user"}', "a.png", "data:,", "A" * 5000, "\0"]
)
LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), WORDS, st.binary(max_size=9))
NAMES = st.sampled_from(["role", "from", "content", "value", "text", "type", "image", "url", "bytes", "path", "answer"])
VALUES = st.recursive(
    LEAVES, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=4), max_leaves=8
)
COLUMNS = st.sampled_from([name for names in KNOWN.values() for name in names])


@given(st.lists(st.dictionaries(COLUMNS | WORDS, VALUES, max_size=6), max_size=4))
def test_any_cells_give_rows_or_reasons(table: list[dict[str, Any]]) -> None:
    options = ImportOptions.model_validate({"from": "table"})
    with tempfile.TemporaryDirectory() as folder:
        part = Part("table", [(f"row {number}", row) for number, row in enumerate(table)], None, Path(folder))
        for row in table_rows([part], options, Path(folder) / "unpacked", Noticed()):
            assert isinstance(row, Found | Skipped)
            assert not isinstance(row, Skipped) or len(row.detail) <= DETAIL + 1


@given(st.text(alphabet="{}[]\",:;\n\t|'а1 ", max_size=60))
def test_any_text_is_rows_or_a_refusal(text: str) -> None:
    for read in (json_records, csv_records):
        try:
            rows = list(read("table", text))
        except InputError:
            continue
        assert all(isinstance(row, Skipped) or isinstance(row[1], dict) for row in rows)


@given(st.binary(max_size=60) | st.text(max_size=40).map(lambda text: text.encode("utf-16")))
def test_any_bytes_are_text_or_a_refusal(data: bytes) -> None:
    with tempfile.NamedTemporaryFile() as file:
        Path(file.name).write_bytes(data)
        with contextlib.suppress(InputError):
            assert isinstance(read_text(Path(file.name), None, print), str)
