"""The same fifteen pictures of three characters in each format that an importer reads."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

NAMES = {"gena": "Гена", "kolobok": "Колобок", "matryoshka": "Матрёшка"}
PICTURES = 5
Rows = Sequence[tuple[str, str]]


def paint(path: Path, *colour: int) -> Path:
    """A PNG of 8x8 pixels of one colour."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (8, 8), colour).save(path)
    return path


def pictures(root: Path, count: int = PICTURES) -> list[tuple[str, str]]:
    """(path within root, character) for the pictures of one folder a character."""
    found = []
    for place, (folder, name) in enumerate(NAMES.items()):
        for number in range(count):
            paint(root / folder / f"{number}.png", place * 80, number * 40, 7)
            found.append((f"{folder}/{number}.png", name))
    return found


def lines(rows: Sequence[dict[str, Any]]) -> str:
    """JSON Lines."""
    return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def folders(root: Path) -> Path:
    pictures(root)
    return root


def image_folder(root: Path) -> Path:
    rows = [
        {"file_name": path, "label": name, "question": "Кто это?", "text": f"Это {name}."}
        for path, name in pictures(root)
    ]
    (root / "metadata.jsonl").write_text(lines(rows), encoding="utf-8")
    return root


def image_folder_csv(root: Path) -> Path:
    rows = "".join(f'{path},{name},Кто это?,"Это {name}."\n' for path, name in pictures(root))
    (root / "metadata.csv").write_text("file_name,label,question,text\n" + rows, encoding="utf-8")
    return root


def trl(root: Path) -> Path:
    rows = [
        {
            "images": [path],
            "messages": [
                {"role": "user", "content": [{"type": "image"}, {"type": "text", "text": "Кто это?"}]},
                {"role": "assistant", "content": [{"type": "text", "text": f"Это {name}."}]},
            ],
        }
        for path, name in pictures(root)
    ]
    (root / "data.jsonl").write_text(lines(rows), encoding="utf-8")
    return root / "data.jsonl"


def llama_factory(root: Path) -> Path:
    rows = [
        {
            "images": [path],
            "conversations": [
                {"from": "human", "value": "<image>Кто это?"},
                {"from": "gpt", "value": f"Это {name}."},
            ],
        }
        for path, name in pictures(root)
    ]
    (root / "mine.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    listing = {"mine": {"file_name": "mine.json", "formatting": "sharegpt", "columns": {"messages": "conversations"}}}
    (root / "dataset_info.json").write_text(json.dumps(listing), encoding="utf-8")
    return root


def saved(root: Path) -> Path:
    _table(root / "pictures").save_to_disk(str(root / "saved"))
    return root / "saved"


def parquet(root: Path) -> Path:
    import pyarrow.parquet
    from datasets.table import embed_table_storage

    table = embed_table_storage(_table(root / "pictures").with_format("arrow")[:])
    pyarrow.parquet.write_table(table, root / "train.parquet")
    return root / "train.parquet"


def _table(root: Path) -> Any:
    import datasets

    found, names = pictures(root), list(NAMES.values())
    data = {
        "image": [str(root / path) for path, _ in found],
        "label": [names.index(name) for _, name in found],
        "question": ["Кто это?"] * len(found),
        "caption": [f"Это {name}." for _, name in found],
    }
    table = datasets.Dataset.from_dict(data).cast_column("image", datasets.Image())
    return table.cast_column("label", datasets.ClassLabel(names=names))


WITH_ROWS: tuple[Callable[[Path], Path], ...] = (
    image_folder,
    image_folder_csv,
    trl,
    llama_factory,
    saved,
    parquet,
)


def team(root: Path, *, missing: Sequence[str] = ()) -> Path:
    """The team's layout: rows of two targets, and test pictures of these and of a control."""
    rows = [
        {
            "image": f"data/images/{path}",
            "converted_image": None,
            "character_folder": path.split("/")[0],
            "character_name": name,
            "question": "Кто это?",
            "answer": f"Это {name}.",
        }
        for path, name in pictures(root / "data" / "images")
        if name != "Матрёшка"
    ]
    for path in missing:
        (root / "data" / "images" / path).unlink()
    (root / "annotation.json").write_text(json.dumps(rows, ensure_ascii=False), encoding="utf-8")
    (root / "base_prompts.json").write_text('["Как его зовут?", "Опиши его"]', encoding="utf-8")
    names = {**NAMES, "crocodile_gena": "Гена", "baba_yaga": "Баба-яга"}
    del names["matryoshka"]
    (root / "character_names.json").write_text(json.dumps(names, ensure_ascii=False), encoding="utf-8")
    for place, name in enumerate(("Gena", "kolobok", "matryoshka")):
        paint(root / "assets" / f"{name}.png", 200, 200, place)
    return root
