"""Pictures are the same whatever a notebook, a cluster or a user's own style says of matplotlib."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import matplotlib
import pytest

from analysis.render.plots import Panel, Plot, Series
from analysis.render.png import draw

ROOT = Path(__file__).parents[2]
DRAW = """
import sys
from pathlib import Path
from analysis.render.png import draw
from analysis.render.plots import Panel, Plot, Series
draw(Path(sys.argv[1]), Plot([Panel([Series("Чебурашка 彡", [1, 2], [0.5, 0.7], "line", "blue")])]), "nothing")
"""


def drawn_elsewhere(path: Path, folder: Path, **environment: str) -> bytes:
    """The same picture as `drawn_here`, by a process of its own."""
    known = {**os.environ, "PYTHONPATH": str(ROOT), **environment}
    done = subprocess.run([sys.executable, "-c", DRAW, path], env=known, cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return path.read_bytes()


def drawn_here(path: Path) -> bytes:
    """A line with a name in two alphabets, one of which has no glyphs here."""
    draw(path, Plot([Panel([Series("Чебурашка 彡", [1, 2], [0.5, 0.7], "line", "blue")])]), "nothing")
    return path.read_bytes()


@pytest.mark.parametrize(
    "environment",
    [
        {"MPLBACKEND": "module://matplotlib_inline.backend_inline"},
        {"MPLBACKEND": "no such backend"},
        {"MPLBACKEND": "qtagg", "DISPLAY": ""},
        {"MPLCONFIGDIR": "/dev/null", "HOME": "/dev/null", "PYTHONWARNINGS": "error"},
    ],
)
def test_a_picture_depends_on_no_environment(environment: dict[str, str], tmp_path: Path) -> None:
    assert drawn_elsewhere(tmp_path / "it.png", tmp_path, **environment) == drawn_here(tmp_path / "here.png")


def test_a_picture_depends_on_no_style_in_the_current_folder(tmp_path: Path) -> None:
    style = "text.usetex: true\nfont.family: Nonexistent\nsavefig.dpi: 7\nfigure.facecolor: red\n"
    (tmp_path / "matplotlibrc").write_text(style)
    assert drawn_elsewhere(tmp_path / "it.png", tmp_path) == drawn_here(tmp_path / "here.png")


def test_the_settings_of_a_notebook_are_its_own_afterwards(tmp_path: Path) -> None:
    with matplotlib.rc_context({"lines.linewidth": 7.5}):
        drawn_here(tmp_path / "here.png")
        assert matplotlib.rcParams["lines.linewidth"] == 7.5


def test_the_backend_of_a_notebook_is_its_own_afterwards(tmp_path: Path) -> None:
    code = DRAW + "import matplotlib, os; print(matplotlib.rcParams['backend'], os.environ['MPLBACKEND'])"
    known = {**os.environ, "PYTHONPATH": str(ROOT), "MPLBACKEND": "svg"}
    done = subprocess.run([sys.executable, "-c", code, tmp_path / "it.png"], env=known, capture_output=True, text=True)
    assert done.stdout == "svg svg\n", done.stderr
