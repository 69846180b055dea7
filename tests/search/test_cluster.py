"""Joining clusters: the launcher's file, three nodes, and a folder that is not shared."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml
from packaging.requirements import Requirement

import skazka
from search import cluster
from spaces.problems import InputError

ROOT = Path(__file__).parents[2]
SWEEP = """
import json, sys
from ray.cluster_utils import Cluster
import skazka

nodes = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
for _ in range(2):
    nodes.add_node(num_cpus=1)
study, run = sys.argv[1:]
done = skazka.launch(study, trials=4, run=run, address=nodes.address)
nodes.shutdown()
print(json.dumps(done.summary()))
"""


def test_a_sweep_runs_on_a_head_and_two_workers(tiny_study: Path, tmp_path: Path) -> None:
    # A process of its own: a cluster and the local Ray of other tests do not share one.
    command = [sys.executable, "-c", SWEEP, str(tiny_study), str(tmp_path / "run")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    summary = json.loads(done.stdout.strip().splitlines()[-1])
    assert summary["trials"]["completed"] == 4
    # What the check wrote to see whether the nodes share the folder is gone.
    assert not list((tmp_path / "run").glob(".shared-*"))


@pytest.fixture(scope="module")
def launcher() -> dict[str, object]:
    """cluster.yaml as Ray's launcher reads it."""
    from ray.autoscaler._private.util import prepare_config, validate_config

    config = yaml.safe_load((ROOT / "cluster.yaml").read_text(encoding="utf-8"))
    prepared: dict[str, object] = prepare_config(config)
    validate_config(prepared)
    return prepared


def test_the_launcher_accepts_cluster_yaml(launcher: dict[str, object]) -> None:
    types = launcher["available_node_types"]
    assert isinstance(types, dict)
    worker = types["gpu_spot"]
    assert worker["min_workers"] == 0
    assert worker["node_config"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert types["head"]["resources"] == {"CPU": 0}


def test_commands_are_ours_and_closed_to_the_world(launcher: dict[str, object]) -> None:
    starts = [*launcher["head_start_ray_commands"], *launcher["worker_start_ray_commands"]]  # type: ignore[misc]
    started = [command for command in starts if "ray start" in command]
    assert len(started) == 2
    for command in started:
        assert "RAY_AUTH_MODE=token" in command
        assert "RAY_USAGE_STATS_ENABLED=0" in command
    assert "--dashboard-host=127.0.0.1" in started[0]
    assert "0.0.0.0" not in json.dumps(launcher)
    assert "nightly" not in json.dumps(launcher)


def test_ray_is_the_version_of_the_constraints(launcher: dict[str, object]) -> None:
    pins = dict(
        line.split("==") for line in (ROOT / "constraints.txt").read_text(encoding="utf-8").split() if "==" in line
    )
    commands = " ".join(launcher["setup_commands"])  # type: ignore[arg-type]
    installed = Requirement(commands.split("'")[1])
    assert str(installed.specifier) == f"=={pins['ray']}"
    docker = launcher["docker"]
    assert isinstance(docker, dict)
    assert all(f"ray:{pins['ray']}-py311" in docker[image] for image in ("image", "head_image"))


def test_a_hidden_package_is_named() -> None:
    stranger = ModuleType("analysis")
    stranger.__file__ = "/somewhere/analysis/__init__.py"
    with pytest.raises(InputError, match="another package 'analysis' at /somewhere/analysis"):
        cluster.verify_packages({"analysis": stranger})


@pytest.mark.usefixtures("ray_cluster")
def test_a_trial_that_fits_no_node_is_refused() -> None:
    with pytest.raises(InputError, match="asks for 64 CPUs and 0 GPUs"):
        cluster.check_resources(64, 0, scales=False)


@pytest.mark.usefixtures("ray_cluster")
def test_an_unshared_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "_write", lambda meeting, node: None)
    with pytest.raises(InputError, match="is not shared with"):
        cluster.check_shared(tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("127.0.0.1:1", "nothing answers at 127.0.0.1:1"),
        ("somewhere", "'somewhere' is no HOST:PORT"),
        ("ray://127.0.0.1:10001", "is no HOST:PORT"),
    ],
)
def test_no_cluster_at_the_address(tmp_path: Path, tiny_study: Path, address: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        skazka.launch(tiny_study, run=tmp_path / "run", trials=1, address=address)
    assert not (tmp_path / "run").exists()
