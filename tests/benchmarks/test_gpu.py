"""The benchmark of a GPU, tried on the CPU with a tiny model: its parts, its packages, its failures."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import venv
from collections.abc import Iterable
from importlib.metadata import Distribution, distribution
from pathlib import Path
from typing import Any

import pytest
import torch
from click.testing import CliRunner
from packaging.requirements import Requirement

from benchmarks import gpu_bench, gpu_parts
from benchmarks.gpu import main
from benchmarks.gpu_bench import Meter, NotTried, Runner, Wrong
from benchmarks.gpu_wheels import PRESENT, WHEELS, canonical

ROOT = Path(__file__).parents[2]
PARTS = (
    *("environment", "base model", "preparation", "trial attention", "trial attention+mlp", "out of memory"),
    *("export check", "merge", "another adapter", "4 bit"),
)


def needed(names: Iterable[str]) -> dict[str, Distribution]:
    """These distributions and all that they need, without extras."""
    found: dict[str, Distribution] = {}
    waiting = list(names)
    while waiting:
        name = canonical(waiting.pop())
        if name not in found:
            found[name] = distribution(name)
            wanted = map(Requirement, found[name].requires or ())
            waiting += [one.name for one in wanted if one.marker is None or one.marker.evaluate({"extra": ""})]
    return found


def environment_of(folder: Path, packages: Iterable[Distribution]) -> Path:
    """The Python of a virtual environment that has these packages alone, as links to ours."""
    venv.create(folder, symlinks=True)
    site = next(folder.glob("lib/python*/site-packages"))
    for package in packages:
        tops = {file.parts[0] for file in package.files or () if file.parts[0] not in ("..", "__pycache__")}
        for top in tops:
            (site / top).symlink_to(package.locate_file(top).resolve())  # type: ignore[attr-defined]
    return folder / "bin" / "python"


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the script writes on a machine that has what it expects and the wheels that it names: no Ray, no Optuna."""
    folder = tmp_path_factory.mktemp("bare")
    packages = {**needed(PRESENT), **{name: distribution(name) for name in WHEELS}}
    assert not packages.keys() & {"ray", "optuna", "skazka-tune"}
    python = environment_of(folder / "venv", packages.values())
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    environment |= {"HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""}
    command = [str(python), "-m", "benchmarks.gpu", "--tiny", "--out", str(folder / "gpu.json")]
    done = subprocess.run(command, cwd=ROOT, env={**environment, "HF_HUB_OFFLINE": "1"}, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    written: dict[str, Any] = json.loads((folder / "gpu.json").read_text(encoding="utf-8"))
    return written


def test_every_part_is_done_where_only_the_named_packages_are(found: dict[str, Any]) -> None:
    assert tuple(found) == PARTS
    outcomes = {name: part["outcome"] for name, part in found.items()}
    assert outcomes == dict.fromkeys(PARTS, "done") | {"4 bit": "not tried"}
    assert found["4 bit"]["reason"] == "bitsandbytes is not installed"
    versions = found["environment"]["versions"]
    assert versions["torch"] == torch.__version__
    assert versions["bitsandbytes"] is None


def test_a_trial_is_told_by_its_parts_and_beside_what_doctor_says(found: dict[str, Any]) -> None:
    for name in ("trial attention", "trial attention+mlp"):
        trial = found[name]
        assert {"open", "train_epoch", "held_out_loss", "ask", "state", "write"} <= trial["parts"].keys()
        assert sum(trial["parts"].values()) < trial["seconds"]
        doctor = trial["doctor"]
        assert doctor["memory"] == doctor["weights"] + doctor["trained"] + doctor["activations"]
        assert len(trial["losses"]) == 2
    # The base stays loaded from one trial to the next.
    assert "load" not in found["trial attention+mlp"]["parts"]
    # rank 16 on q, k, v and o of two layers, hidden size 32, two heads of 16 and one of keys; 16 bytes a weight.
    widths = (32 + 32, 32 + 16, 32 + 16, 32 + 32)
    assert found["trial attention"]["doctor"]["trained"] == 2 * sum(widths) * 16 * 16
    # Without a GPU there is no peak, and nothing is made up for it.
    assert found["trial attention"]["peak"] is found["trial attention"]["doctor_over_peak"] is None


def test_a_batch_that_does_not_fit_is_halved_with_the_same_loss(found: dict[str, Any]) -> None:
    trained = found["out of memory"]["training"]
    assert (trained["rows"], trained["fitted"], trained["times"]) == (4, 2, 1)
    assert trained["loss_halved"] == trained["loss_in_parts"] == pytest.approx(trained["loss"], rel=1e-3)


def test_probes_that_do_not_fit_are_asked_in_smaller_batches(found: dict[str, Any]) -> None:
    asked = found["out of memory"]["asking"]
    assert asked["probes"] == 14
    # 14 at once and 7 are too many, 4 are not; and of one prompt 6 names are, 3 are not.
    assert asked["times"] >= 3
    assert asked["differing"] == 0
    assert asked["odds_apart"] < 0.1


def test_the_export_is_its_trial_and_no_other_passes_for_it(found: dict[str, Any]) -> None:
    for name in ("export check", "merge"):
        assert found[name]["asked"] == found["base model"]["rows"]["probes"] == 14
        assert (found[name]["differing"], found[name]["prompts"]) == (0, 0)
        assert found[name]["device"] == "cpu"
        assert not found[name]["blind"]
    assert found["another adapter"]["refused"]
    assert found["merge"]["bytes"] == found["base model"]["bytes"]


def test_the_wheels_are_named_where_nothing_is_installed_yet() -> None:
    code = "import sys; sys.modules.update(torch=None, pydantic=None); from benchmarks.gpu import main; main()"
    done = subprocess.run([sys.executable, "-c", code, "--wheels"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line.partition("==")[0] for line in done.stdout.splitlines()] == list(WHEELS)
    assert all(line.partition("==")[2] for line in done.stdout.splitlines())


def test_a_failed_part_is_written_and_the_others_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(bench: gpu_parts.Bench) -> dict[str, Any]:
        raise ValueError("no such picture")

    monkeypatch.setattr(gpu_parts, "preparation", fail)
    out = tmp_path / "gpu.json"
    done = CliRunner().invoke(main, ["--tiny", "--out", str(out)])
    assert done.exit_code == 1
    written = json.loads(out.read_text(encoding="utf-8"))
    assert written["preparation"]["reason"] == "ValueError: no such picture"
    assert "in fail" in written["preparation"]["traceback"]
    assert written["trial attention"]["reason"] == "preparation: failed"
    outcomes = {name: part["outcome"] for name, part in written.items()}
    begun = {"environment": "done", "base model": "done", "preparation": "failed"}
    assert outcomes == dict.fromkeys(PARTS, "not tried") | begun
    assert "failed: preparation" in done.output


def test_what_must_not_be_is_written_with_its_figures(tmp_path: Path) -> None:
    def part() -> dict[str, Any]:
        raise Wrong("the losses differ", {"loss": 1.0})

    runner = Runner(tmp_path / "found.json", seconds=60)
    runner.run("part", part, limit=60)
    found = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))["part"]
    assert (found["outcome"], found["reason"], found["loss"]) == ("failed", "the losses differ", 1.0)


def test_a_gpu_that_is_lost_does_not_end_the_script(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lost() -> int:
        raise torch.AcceleratorError("CUDA error: unspecified launch failure")

    monkeypatch.setattr(gpu_bench, "free_memory", lost)
    runner = Runner(tmp_path / "found.json", seconds=60)
    runner.run("lost", lambda: {"answer": lost()}, limit=60)
    runner.run("next", dict, limit=60)
    outcomes = [runner.found[name]["outcome"] for name in ("lost", "next")]
    assert outcomes == ["failed", "done"]


def test_a_part_ends_in_its_time_and_the_next_goes_on(tmp_path: Path) -> None:
    def never_ends() -> dict[str, Any]:
        while True:
            try:
                time.sleep(0.01)
            except Exception:
                pytest.fail("what handles errors must not take the end of a part's time for one")

    runner = Runner(tmp_path / "found.json", seconds=60)
    runner.run("slow", never_ends, limit=0.05)
    runner.run("next", lambda: {"answer": 42}, limit=60)
    runner.run("behind", dict, limit=60, after=["slow"])
    assert runner.found["slow"]["reason"].startswith("OutOfTime: it took more than")
    assert (runner.found["next"]["outcome"], runner.found["next"]["answer"]) == ("done", 42)
    assert runner.found["behind"]["outcome"] == "not tried"
    assert runner.failed == ["slow"]


def test_no_part_begins_when_the_time_is_up(tmp_path: Path) -> None:
    runner = Runner(tmp_path / "found.json", seconds=0)
    runner.run("late", lambda: pytest.fail("it began"), limit=60)
    assert runner.found["late"]["reason"] == "OutOfTime: no time is left"
    assert runner.failed == ["late"]


def test_what_runs_when_the_process_ends_is_on_disk(tmp_path: Path) -> None:
    out = tmp_path / "found.json"
    seen: list[str] = []

    def look() -> dict[str, Any]:
        seen.append(json.loads(out.read_text(encoding="utf-8"))["part"]["outcome"])
        raise NotTried("seen")

    Runner(out, seconds=60).run("part", look, limit=60)
    assert seen == ["running"]


def test_a_meter_counts_every_call_and_leaves_functions_as_they_were() -> None:
    class Trained:
        def step(self, size: int) -> int:
            return 2 * size

    one, meter = Trained(), Meter()
    with meter.watching((one, "step")):
        assert [one.step(1), one.step(2)] == [2, 4]
    assert "step" not in vars(one)
    assert list(meter.seconds) == ["step"]
    assert meter.peak is None or meter.peak >= 0


def test_without_a_gpu_it_is_refused_before_anything_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    done = CliRunner().invoke(main, ["--out", str(tmp_path / "gpu.json")])
    assert done.exit_code == 2
    assert "no GPU is seen here: --tiny tries the script itself without one" in done.output
    assert not list(tmp_path.iterdir())
