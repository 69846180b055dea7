"""The command line: exit codes, one line a refusal, JSON alone on stdout."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from skazka.cli import exit_code, main
from skazka.sweep_options import Duration

COMMANDS = ("launch", "resume", "check", "status", "report", "export", "ask", "study-db")


def call(*arguments: object) -> Result:
    """Run the program in this process."""
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture(scope="module")
def launched(tiny_study: Path, tmp_path_factory: pytest.TempPathFactory, ray_cluster: None) -> tuple[Result, Path]:
    """`skazka launch --json` on the tiny study."""
    run = tmp_path_factory.mktemp("cli") / "run"
    arguments = ("--trials", 2, "--run", run, "--max-concurrent", 1, "--json")
    return call("launch", tiny_study, *arguments), run


def test_launch_prints_one_json_object(launched: tuple[Result, Path]) -> None:
    result, run = launched
    assert result.exit_code == 0, result.output
    summary = json.loads(result.stdout)
    assert summary["run"] == str(run)
    assert Path(summary["report"]).is_file()
    assert summary["trials"] == {
        "completed": 2,
        "stopped": 0,
        "failed": 0,
        "interrupted": 0,
        "running": 0,
        "pending": 0,
    }
    assert {"id", "config", "score", "gain", "degradation", "hallucination"} <= set(summary["best"])
    assert "t0000 hand completed" in result.stderr
    # Two epochs from nothing teach nobody: no export is advised.
    assert "nothing beats the untouched model" in result.stderr
    assert "skazka export" not in result.stderr
    assert f"skazka status {run}" in result.stderr


def test_status_says_what_launch_said(launched: tuple[Result, Path]) -> None:
    result, run = launched
    assert json.loads(call("status", run, "--json").stdout) == json.loads(result.stdout)
    assert "2 completed" in call("status", run).stdout


def test_report_in_both_languages(launched: tuple[Result, Path]) -> None:
    _, run = launched
    page = Path(json.loads(call("report", run, "--lang", "en", "--json").stdout)["report"])
    assert page.name == "report.html"
    assert '<html lang="en">' in page.read_text(encoding="utf-8")
    text = page.with_name("report.md")
    assert "| Character |" in text.read_text(encoding="utf-8")
    assert call("report", run).exit_code == 0
    assert "| Персонаж |" in text.read_text(encoding="utf-8")


def test_a_report_of_one_format_and_of_chosen_trials(launched: tuple[Result, Path]) -> None:
    _, run = launched
    page = run / "report" / "report.html"
    page.unlink()
    path = json.loads(call("report", run, "--format", "md", "--trials", "t0001", "--json").stdout)["report"]
    assert Path(path).name == "report.md"
    assert not page.exists()
    text = Path(path).read_text(encoding="utf-8")
    assert "### outside (t0001) (" in text
    assert "### hand (t0000) (" not in text
    refused = call("report", run, "--trials", "best:2,nobody")
    assert refused.exit_code == 2
    assert "--trials: there is no trial 'nobody'" in refused.stderr
    assert call("report", run, "--format", "pdf").exit_code == 2


def test_the_study_for_optuna_is_written_once(launched: tuple[Result, Path], tmp_path: Path) -> None:
    _, run = launched
    target = tmp_path / "study.db"
    done = call("study-db", run, "--to", f"sqlite:///{target}", "--json")
    assert json.loads(done.stdout)["trials"] == 2
    assert target.is_file()
    assert call("study-db", run, "--to", str(target)).exit_code == 2


def test_export_says_what_it_verified(launched: tuple[Result, Path], tmp_path: Path) -> None:
    _, run = launched
    result = call("export", run, "--to", tmp_path / "adapter", "--trial", "hand", "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout) == {
        "exported": str(tmp_path / "adapter"),
        "trial": "t0000",
        "verified_answers": 4,
        "differing_answers": 0,
        "checked_on": "cpu",
    }


def test_a_space_is_shown_with_values_conditions_and_what_is_fixed() -> None:
    lines = call("space", "show", "forgetting").stdout.splitlines()
    found = {line.split()[0]: line for line in lines if line[0].strip()}
    assert "3e-05 to 0.001" in found["learning_rate"]
    assert "4, 8, 16, 32" in found["rank"]
    assert "replay: true" in found["replay_ratio"]
    (length,) = [line for line in call("space", "show", "quick").stdout.splitlines() if "max_length" in line]
    assert "fixed: 256" in length


def test_a_space_is_shown_as_its_file_writes_it(tmp_path: Path) -> None:
    knobs = {"rank": {"choice": [4, 8]}, "epochs": {"integer": [1, 3]}}
    (tmp_path / "mine.yaml").write_text(json.dumps(knobs), encoding="utf-8")
    shown = json.loads(call("space", "show", tmp_path / "mine.yaml", "--json").stdout)
    assert shown == {"space": "mine", "knobs": knobs}
    unknown = call("space", "show", "nobody")
    assert (unknown.exit_code, unknown.stderr.count("\n")) == (2, 1)
    assert "forgetting, lora, quick" in unknown.stderr


def test_check_accepts_a_good_study(tiny_study: Path) -> None:
    result = call("check", tiny_study, "--json")
    assert result.exit_code == 0
    assert json.loads(result.stdout)["probes"] == {"search": 4, "test": 4}


def test_check_names_every_problem_and_exits_2(tiny_study: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_study, tmp_path / "study"))
    yaml = (folder / "study.yaml").read_text(encoding="utf-8")
    (folder / "study.yaml").write_text(
        yaml.replace("role: negative", "role: villain").replace("name: tiny", "nmae: tiny")
    )
    result = call("check", folder)
    assert result.exit_code == 2
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 3  # the bad role, the unknown key, the missing one
    assert any(line.startswith("error: study.yaml:") and "characters[3].role" in line for line in lines)
    assert "Traceback" not in result.output


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("launch", "--trials", 0), "--trials: must be at least 1, got 0"),
        (("launch", "--space", "nowhere"), "no space 'nowhere'"),
        (("launch", "--max-concurrent", 0), "--max-concurrent: must be at least 1"),
        (("launch", "--cpus-per-trial", 0), "--cpus-per-trial: must be 0.0001 or more"),
        (("launch", "--gpus-per-trial", 1.5), "--gpus-per-trial: must be whole above 1, got 1.5"),
        (("launch", "--gpus-per-trial", "nan"), "--gpus-per-trial: must be 0, or 0.0001 or more, got nan"),
        (("launch", "--gpus-per-trial", 0.00001), "--gpus-per-trial: must be 0, or 0.0001 or more, got 1e-05"),
        (("launch", "no/such/study"), "no such study"),
        (("launch", "--time-budget", "soon"), "'soon' is no duration"),
        (("check", "no/such/study"), "no such study"),
        (("status", "no/such/run"), "is no run folder"),
        (("report", "no/such/run"), "is no run folder"),
        (("resume", "no/such/run"), "is no run folder"),
        (("export", "no/such/run", "--to", "x"), "is no run folder"),
    ],
)
def test_bad_input_exits_2_and_leaves_nothing(
    arguments: tuple[object, ...], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    result = call(*arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert "Traceback" not in result.output
    assert list(tmp_path.iterdir()) == []


def test_a_refusal_is_json_where_json_was_asked_for() -> None:
    result = call("status", "no/such/run", "--json")
    assert result.exit_code == 2
    assert "is no run folder" in json.loads(result.stdout)["problems"][0]


def test_a_damaged_ledger_is_one_line_and_exit_1(launched: tuple[Result, Path], tmp_path: Path) -> None:
    run = Path(shutil.copytree(launched[1], tmp_path / "run"))
    (run / "ledger.sqlite-wal").unlink(missing_ok=True)
    (run / "ledger.sqlite").write_bytes(b"SQLite format 3" + b"?" * 4000)
    result = call("status", run)
    assert result.exit_code == 1
    assert result.stderr.startswith("error: ledger.sqlite: cannot be used")
    assert "Traceback" not in result.output


def test_a_full_run_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    result = call("launch", "--run", tmp_path)
    assert result.exit_code == 2
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_with_an_example(command: str) -> None:
    result = call(command, "--help")
    assert result.exit_code == 0
    assert f"Example: skazka {command}" in result.stdout


@pytest.mark.parametrize(
    ("states", "code"),
    [
        ({"completed": 3, "stopped": 0, "failed": 0}, 0),
        ({"completed": 0, "stopped": 0, "failed": 0}, 0),
        ({"completed": 1, "stopped": 0, "failed": 2}, 3),
        ({"completed": 0, "stopped": 1, "failed": 2}, 3),
        ({"completed": 0, "stopped": 0, "failed": 2}, 4),
    ],
)
def test_exit_codes(states: dict[str, int], code: int) -> None:
    assert exit_code({"trials": states}) == code


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("30m", 1800), ("1.5h", 5400), ("1d", 86400)])
def test_durations(text: str, seconds: float) -> None:
    assert Duration().convert(text, None, None) == seconds


def test_the_module_is_the_same_program_beside_packages_of_our_names(tmp_path: Path) -> None:
    for name in ("analysis", "spaces"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('the wrong package')")
    (tmp_path / "search.py").write_text("raise SystemExit('the wrong module')")
    arguments = [sys.executable, "-m", "skazka", "check", "--json"]
    done = subprocess.run(arguments, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    facts: dict[str, Any] = json.loads(done.stdout)
    assert facts["ok"]


def test_help_loads_no_torch_and_no_ray() -> None:
    code = "import sys, skazka.cli; sys.exit(bool({'torch', 'ray', 'transformers', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_ctrl_c_ends_a_sweep_with_its_exit_code(tiny_study: Path, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "skazka", "launch", str(tiny_study), "--trials", "9", "--run", "run"]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        while "started" not in (line := process.stdout.readline()):
            assert line, process.stderr.read() if process.stderr else ""
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate()
    assert process.returncode == 130
    assert errors.splitlines()[-1] == "interrupted by SIGINT; go on with: skazka resume run"
    assert json.loads(call("status", tmp_path / "run", "--json").stdout)["trials"]["running"] == 0


def test_no_command_is_described_with_a_cut_sentence() -> None:
    shown = CliRunner().invoke(main, ["--help"], terminal_width=80).stdout
    assert {line.split()[0] for line in shown.split("Commands:\n")[1].splitlines()} >= set(COMMANDS)
    assert "..." not in shown.split("Commands:\n")[1]
    assert max(map(len, shown.splitlines())) <= 80


def test_where_no_terminal_is_a_line_is_as_long_as_it_is(launched: tuple[Result, Path]) -> None:
    _, run = launched
    environment = {**os.environ, "COLUMNS": "20", "FORCE_COLOR": "1"}
    for arguments in (("status", run), ("check",), ("space", "show", "forgetting")):
        command = [sys.executable, "-m", "skazka", *map(str, arguments)]
        wide = subprocess.run(command, capture_output=True, text=True, env=environment, check=True).stdout
        assert max(map(len, wide.splitlines())) > 80
    status = call("status", run).stdout
    heads = [line.split()[:5] for line in status.splitlines()]
    assert ["trial", "name", "state", "epoch", "score"] in heads
