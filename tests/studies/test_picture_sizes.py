"""Large pictures are told before anything is loaded, and a new study has them scaled down."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner
from PIL import Image
from small_study import make_small_study

from skazka.cli import main
from studies.checks import load_study
from studies.importers.options import ImportOptions
from studies.importers.study_folder import Settings, init_study
from studies.picture_sizes import large_pictures


@pytest.mark.parametrize(
    ("spec", "said"),
    [("", True), (", max_pixels: 262144", False), (", max_pixels: 64000000", False), (", image_size: 224", False)],
)
def test_a_large_picture_is_named(tmp_path: Path, spec: str, said: bool) -> None:
    folder = make_small_study(tmp_path / "small")
    Image.new("RGB", (4032, 3024), "teal").save(folder / "images" / "train-1.png")
    text = (folder / "study.yaml").read_text()
    (folder / "study.yaml").write_text(text.replace("dtype: float32", f"dtype: float32{spec}"))
    found = large_pictures(load_study(folder))
    if not said:
        assert found is None
        return
    # 4032 x 3024 / 28^2
    assert found is not None
    assert found.message.startswith("images/train-1.png has 4032 x 3024 pixels, about 15,552 tokens")
    result = CliRunner().invoke(main, ["check", str(folder), "--json"])
    assert (result.exit_code, json.loads(result.stdout)["note"]) == (0, str(found))


def test_small_pictures_are_no_word_worth(tmp_path: Path) -> None:
    assert large_pictures(load_study(make_small_study(tmp_path / "small"))) is None
    assert large_pictures(load_study("demo")) is None


@pytest.mark.parametrize(
    ("model", "pictures", "expected"),
    [("Qwen/Qwen2.5-VL-3B-Instruct", True, 262144), ("demo", True, None), ("Qwen/Qwen3-4B", False, None)],
)
def test_a_new_study_has_large_pictures_scaled_down(
    tmp_path: Path, model: str, pictures: bool, expected: int | None
) -> None:
    rows = []
    for name in ("gena", "matryoshka"):
        for number in range(6):
            Image.new("RGB", (32, 32), (40 * number, 99, 7 if name == "gena" else 200)).save(
                tmp_path / f"{name}{number}.png"
            )
            asked = f"Who is {'green' if name == 'gena' else 'wooden'} {number}?"
            row = {"question": asked, "answer": f"{name} {number}", "character": name}
            rows.append(row | ({"image": f"{name}{number}.png"} if pictures else {}))
    source = tmp_path / "rows.jsonl"
    source.write_text("\n".join(map(json.dumps, rows)))
    options = {"from": str(source), "targets": ["gena"], "controls": ["matryoshka"]}
    init_study(tmp_path / "study", ImportOptions.model_validate(options), Settings("en", model, None))
    text = (tmp_path / "study" / "study.yaml").read_text()
    assert yaml.safe_load(text)["base_model"].get("max_pixels") == expected
    assert ("# Larger pictures are scaled down" in text) == (expected is not None)
