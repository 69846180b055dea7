"""Joining clusters: the launcher's file, three nodes, a folder that is not shared, and who may reach Ray."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import ray
import yaml
from hypothesis import given
from hypothesis import strategies as st
from packaging.requirements import Requirement

import skazka
from search.cluster import access, joining
from skazka_text.problems import InputError

ROOT = Path(__file__).parents[3]
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
        joining.verify_packages({"analysis": stranger})


def nodes(*resources: dict[str, float], dead: Sequence[dict[str, float]] = ()) -> list[dict[str, Any]]:
    """As `ray.nodes()` gives them."""
    alive = [{"NodeID": f"{place:056x}", "Alive": True, "Resources": one} for place, one in enumerate(resources)]
    return alive + [{"NodeID": "f" * 56, "Alive": False, "Resources": one} for one in dead]


HEAD = {"memory": 4e9, "object_store_memory": 2e9, "node:10.0.0.1": 1.0, "node:__internal_head__": 1.0}
EIGHT = {"CPU": 64.0, "GPU": 8.0, "accelerator_type:A100": 1.0}


@pytest.mark.parametrize(
    ("found", "cpus", "gpus", "expected"),
    [
        # No trial has parts of two GPUs.
        (nodes(EIGHT), 1, 0.8, 8),
        (nodes(EIGHT), 1, 0.5, 16),
        (nodes(EIGHT), 1, 0.6, 8),
        (nodes(EIGHT), 1, 1, 8),
        (nodes(EIGHT), 1, 3, 2),
        # What floats make of it: 1 // 0.2 is 4, 1 // 0.1 is 9, 3 // 0.1 is 29.
        (nodes({"CPU": 16.0, "GPU": 1.0}), 1, 0.2, 5),
        (nodes({"CPU": 16.0, "GPU": 1.0}), 1, 0.1, 10),
        (nodes({"CPU": 16.0, "GPU": 1.0}), 1, 0.3333, 3),
        (nodes({"CPU": 16.0, "GPU": 1.0}), 1, 0.34, 2),
        (nodes({"CPU": 3.0}), 0.1, 0, 30),
        (nodes({"CPU": 4.0}), 1.5, 0, 2),
        # No trial has parts of two nodes: neither GPUs, nor CPUs.
        (nodes({"CPU": 8.0, "GPU": 1.0}, {"CPU": 8.0, "GPU": 1.0}, {"CPU": 8.0, "GPU": 2.0}), 1, 2, 1),
        (nodes({"CPU": 3.0}, {"CPU": 3.0}), 2, 0, 2),
        # What is free of the other is no use: of GPUs without CPUs, of CPUs without GPUs.
        (nodes(HEAD, {"CPU": 64.0}, {"CPU": 2.0, "GPU": 8.0}), 1, 1, 2),
        (nodes(HEAD, EIGHT), 16, 1, 4),
        (nodes({"CPU": 4.0, "GPU": 2.0}, dead=[EIGHT]), 1, 1, 2),
        # A cluster that has yet to grow.
        (nodes(HEAD), 1, 1, 1),
    ],
)
def test_trials_that_fit_are_counted_node_by_node(
    found: list[dict[str, Any]], cpus: float, gpus: float, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    totals: Counter[str] = Counter()
    for node in found:
        totals.update(node["Resources"] if node["Alive"] else {})
    monkeypatch.setattr(ray, "nodes", lambda: found)
    monkeypatch.setattr(ray, "cluster_resources", lambda: dict(totals))
    assert joining.slots(cpus, gpus) == expected


@given(gpus=st.integers(1, 16), share=st.integers(1, 10_000).map(lambda units: units / 10_000))
def test_no_gpu_is_given_away_twice_and_none_is_left_that_could_be(gpus: int, share: float) -> None:
    fit = joining.trials_on({"CPU": 1e6, "GPU": float(gpus)}, 1, share)
    on_each = Fraction(fit, gpus)
    assert on_each.denominator == 1
    exactly = Fraction(round(share * 10_000), 10_000)
    assert on_each * exactly <= 1 < (on_each + 1) * exactly


def test_two_gpus_of_two_nodes_are_no_node_with_two(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray, "nodes", lambda: nodes({"CPU": 8.0, "GPU": 1.0}, {"CPU": 8.0, "GPU": 1.0}))
    with pytest.raises(InputError, match="asks for 1 CPUs and 2 GPUs, the largest node has 8 CPUs and 1 GPUs"):
        joining.check_resources(1, 2, scales=False)


@pytest.mark.usefixtures("ray_cluster")
def test_a_trial_that_fits_no_node_is_refused() -> None:
    with pytest.raises(InputError, match="asks for 64 CPUs and 0 GPUs"):
        joining.check_resources(64, 0, scales=False)


@pytest.mark.usefixtures("ray_cluster")
def test_an_unshared_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(joining, "_write", lambda meeting, node: None)
    with pytest.raises(InputError, match="is not shared with"):
        joining.check_shared(tmp_path)
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


# --- who may reach Ray ---

LISTENS = """
import json, sys
from pathlib import Path
from search.cluster import joining

with joining.connected(None, Path(sys.argv[1])):
    import psutil, ray

    ray.get(ray.remote(lambda: 1).remote())
    me = psutil.Process()
    sockets = [socket for process in (me, *me.children(recursive=True)) for socket in process.net_connections("inet")]
    print(json.dumps([socket.laddr.ip for socket in sockets if socket.status == psutil.CONN_LISTEN]))
"""


def test_a_local_ray_listens_on_this_machine_only(tmp_path: Path) -> None:
    command = [sys.executable, "-c", LISTENS, str(tmp_path)]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("RAY_")}
    environment |= {"HOME": str(tmp_path)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    addresses = json.loads(done.stdout.strip().splitlines()[-1])
    assert len(addresses) >= 5  # gcs_server, raylet, its agents, the driver
    assert {address.removeprefix("::ffff:") for address in addresses} == {"127.0.0.1"}
    assert mode(tmp_path / ".ray" / "auth_token") == 0o600


def mode(path: Path) -> int:
    """The permission bits of a file."""
    return stat.S_IMODE(path.stat().st_mode)


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home, and an environment that says nothing of authentication."""
    for name in (access.MODE, access.TOKEN, access.TOKEN_FILE):
        # Set first: what the code under test sets is then taken back as well.
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.fixture
def started(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What ray.init would have been called with."""
    calls: list[dict[str, Any]] = []
    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    monkeypatch.setattr(ray, "init", lambda **options: calls.append(options))
    monkeypatch.setattr(ray, "shutdown", lambda: None)
    return calls


@pytest.mark.parametrize("address", [None, "local", "auto", "10.0.0.1:6379"])
def test_ray_gets_no_runtime_env_and_shows_no_dashboard(
    address: str | None, started: list[dict[str, Any]], tmp_path: Path
) -> None:
    with joining.connected(address, tmp_path):
        pass
    [options] = started
    assert "runtime_env" not in options
    assert options["address"] == (address or "local")
    here = address in (None, "local")
    assert options.get("include_dashboard") is (False if here else None)
    assert (tmp_path / ".ray" / "auth_token").exists() is here


@pytest.mark.parametrize(("address", "mode", "warned"), [("10.0.0.1:6379", "", 1), ("10.0.0.1:6379", "token", 0)])
def test_a_cluster_without_token_is_warned_of_in_one_line(
    address: str,
    mode: str,
    warned: int,
    started: list[dict[str, Any]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv(access.MODE, mode)
    with joining.connected(address, tmp_path):
        pass
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == warned
    for remedy in ("ray get-auth-token --generate", "RAY_AUTH_MODE=token", "--dashboard-host=127.0.0.1"):
        assert said.err.count(remedy) == warned


def test_a_local_ray_is_warned_of_nothing(
    started: list[dict[str, Any]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with joining.connected(None, tmp_path):
        pass
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize("create", [True, False])
def test_an_open_token_is_closed_and_kept(home: Path, create: bool) -> None:
    path = home / ".ray" / "auth_token"
    path.parent.mkdir()
    path.write_text("mine")
    path.chmod(0o644)
    access.keep_token_private(create=create)
    assert path.read_text() == "mine"
    assert mode(path) == 0o600


def test_a_new_token_is_its_owner_s_alone(home: Path) -> None:
    access.keep_token_private(create=True)
    path = home / ".ray" / "auth_token"
    assert mode(path) == 0o600
    assert len(path.read_text()) == 64
    assert list(path.parent.iterdir()) == [path]


@pytest.mark.parametrize(
    ("name", "value"), [("RAY_AUTH_MODE", "disabled"), ("RAY_AUTH_TOKEN", "a" * 64), ("RAY_AUTH_TOKEN_PATH", "/token")]
)
def test_no_token_is_made_where_one_is_given_or_none_is_wanted(
    home: Path, name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    access.keep_token_private(create=True)
    assert list(home.iterdir()) == []


def test_a_home_that_cannot_be_written_gives_a_token_of_this_process(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", "/dev/null")
    access.keep_token_private(create=True)
    assert len(os.environ[access.TOKEN]) == 64


def test_a_token_that_is_missing_is_a_refusal(
    started: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from ray.exceptions import AuthenticationError

    def fail(**options: Any) -> None:
        raise AuthenticationError("no token was found")

    monkeypatch.setattr(ray, "init", fail)
    with (
        pytest.raises(InputError, match=r"no token was found.*RAY_AUTH_MODE=token"),
        joining.connected("10.0.0.1:6379", tmp_path),
    ):
        pass
