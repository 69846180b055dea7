"""The process that brings W&B up to date with a run's ledger: `python -m search.outputs.wandb.follower COMMAND [RUN]`.

check    says whether W&B would take runs
follow   looks at the ledger every POLL_SECONDS, until stdin ends: the driver has closed it, or is gone
publish  logs the report folder as an artifact of the sweep's run

It reads the ledger and tells the driver, as JSON lines on stdout, what to enter there. It keeps nothing itself:
whatever killed it, the next one sends what W&B lacks.
"""

from __future__ import annotations

import fcntl
import json
import os
import select
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import wandb

from search.options import Options
from search.outputs.wandb.log import FOLLOWED, IDENTITY, SWEEP, wandb_folder
from search.outputs.wandb.metrics import best_of, logged, sweep_summary
from search.run.run_folder import RunFolder
from search.run.trial_row import ENDED, SCORED, TrialRow
from skazka_text.printable import printable
from skazka_text.secrets import redact

POLL_SECONDS, INIT_SECONDS, FINISH_SECONDS, ARTIFACT_SECONDS = 2.0, 60.0, 30.0, 150.0
# What W&B takes; its own limits are 128 and 64.
MAX_NAME, MAX_TAG = 100, 64
# Nothing of the machine, its command line or its code (`x_disable_machine_info` covers git, metadata and statistics);
# no output captured, no files outside the run.
PRIVATE: dict[str, Any] = {
    "console": "off",
    "host": "",
    "label_disable": True,
    "program": "skazka",
    "sagemaker_disable": True,
    "save_code": False,
    "silent": True,
    "symlink": False,
    "use_dot_wandb": False,
    "x_disable_machine_info": True,
    "x_save_requirements": False,
}
Tell = Callable[..., None]


@dataclass
class Shown:
    """A W&B run that is open. lacks: the first epoch that it does not have."""

    run: wandb.Run
    lacks: int
    summary: dict[str, Any]


class Projection:
    """W&B as the picture of one ledger."""

    def __init__(self, folder: RunFolder, tell: Tell) -> None:
        self.folder = folder
        self.tell = tell
        self.ledger = folder.ledger()
        self.identity = self.ledger.meta(IDENTITY)
        manifest = self.ledger.meta("manifest")
        self.study = printable(manifest["study"]["name"])
        self.options = Options.recorded(manifest)
        self.known = {key.removeprefix(FOLLOWED): told for key, told in self.ledger.metas(FOLLOWED).items()}
        self.offline = is_offline()
        self.open: dict[str, Shown] = {}

    def update(self, *, last: bool = False) -> None:
        """Send what W&B lacks; `last`: also of trials that were cut off, and end every run."""
        rows = self.ledger.trials()
        for row in rows:
            if row.state != "pending" and (row.state == "running" or self._is_behind(row, last)):
                self._show(row, end=last or row.state in ENDED)
        if rows:
            self._show_sweep(rows, end=last)

    def publish(self, report: Path) -> None:
        """Log a folder as an artifact of the sweep's run."""
        self._show_sweep(self.ledger.trials())
        artifact = wandb.Artifact(f"report-{self.identity['id']}", type="report")
        artifact.add_dir(str(report), skip_cache=True)
        self.open[SWEEP].run.log_artifact(artifact)
        self._finish(SWEEP, "ended", failed=False)

    def _is_behind(self, row: TrialRow, last: bool) -> bool:
        return (last or row.state in ENDED) and self.known.get(row.id, {}).get("state") != row.state

    def _show(self, row: TrialRow, *, end: bool) -> None:
        # Of a row that ended, the ledger holds every epoch: the row was read first.
        epochs = self.ledger.epochs(row.id)
        if row.id not in self.open:
            knobs = {**row.config, "seed": row.seed, "study": self.study, "trial": row.id}
            repeat = {} if row.repeat_of is None else {"repeat_of": row.repeat_of}
            self._open(row.id, printable(row.name), row.kind, {**knobs, **repeat})
        shown = self.open[row.id]
        for metrics in epochs:
            if metrics["epoch"] >= shown.lacks:
                # The step is the epoch: W&B takes none twice.
                shown.run.log(logged(metrics), step=metrics["epoch"], commit=True)
                shown.lacks = metrics["epoch"] + 1
        error = {} if row.error is None else {"error": row.error}
        # A driver that was killed left its trials running.
        state = "interrupted" if end and row.state not in ENDED else row.state
        self._summarise(row.id, {"state": state, **best_of(row), **error})
        if end:
            self._finish(row.id, state, failed=state not in SCORED)
        else:
            self._told(row.id, state)

    def _show_sweep(self, rows: Sequence[TrialRow], *, end: bool = False) -> None:
        if SWEEP not in self.open:
            asked = self.options.model_dump(include={"trials", "seed", "sampler", "scheduler"})
            self._open(SWEEP, printable(self.folder.path.name), SWEEP, {"study": self.study, **asked})
        self._summarise(SWEEP, sweep_summary(rows, self.options.max_degradation))
        if end:
            self._finish(SWEEP, "ended", failed=False)

    def _open(self, key: str, name: str, kind: str, config: dict[str, Any]) -> None:
        """Begin or go on with a W&B run: the same id whenever and wherever the trial goes on."""
        run_id = f"{self.identity['id']}-{key}"
        sent = self._was_sent(key, run_id)
        if not sent:
            # Written whole instead of going on in a second folder: a killed process may have cut the first one off.
            for leftover in wandb_folder(self.folder).glob(f"*run-*-{run_id}"):
                shutil.rmtree(leftover)
        run = wandb.init(
            dir=self.folder.path,
            entity=self.identity["entity"],
            project=self.identity["project"],
            id=run_id,
            resume="allow",
            reinit="create_new",
            group=f"{printable(self.folder.path.name)[:MAX_NAME]}-{self.identity['id']}",
            name=name[:MAX_NAME],
            job_type=kind,
            tags=[kind, self.study[:MAX_TAG]],
            config=config,
            settings=_settings(ARTIFACT_SECONDS if key == SWEEP else FINISH_SECONDS),
        )
        run.define_metric("epoch", hidden=True)
        for metrics in ("train/*", "eval/*"):
            run.define_metric(metrics, step_metric="epoch")
        # Online the server knows best; offline nobody can ask it what it was sent.
        lacks = (self.known[key]["epoch"] + 1 if sent else 0) if self.offline else run.step
        self.open[key] = Shown(run, lacks, {})
        self._told(key, "running")

    def _was_sent(self, key: str, run_id: str) -> bool:
        """Whether W&B's server has something of a run: logged online, or by `wandb sync`."""
        told = self.known.get(key)
        synced = wandb_folder(self.folder).glob(f"*run-*-{run_id}/*.synced")
        return told is not None and (told["url"] is not None or any(synced))

    def _summarise(self, key: str, summary: dict[str, Any]) -> None:
        shown = self.open[key]
        if summary != shown.summary:
            shown.summary = summary
            shown.run.summary.update(summary)

    def _finish(self, key: str, state: str, *, failed: bool) -> None:
        self.open[key].run.finish(exit_code=int(failed))
        self._told(key, state)
        del self.open[key]

    def _told(self, key: str, state: str) -> None:
        """Tell the driver how far W&B is; `url` stays known through an offline session."""
        shown = self.open[key]
        url = self.known.get(key, {}).get("url") if self.offline else shown.run.url
        told = {"url": url, "epoch": max(0, shown.lacks - 1), "state": state}
        if self.known.get(key) != told:
            self.known[key] = told
            self.tell(key=key, **told)


def is_offline() -> bool:
    """Whether W&B is to write to this machine only, by the environment or the user's settings."""
    return wandb.setup(_settings(FINISH_SECONDS)).settings.mode in ("offline", "dryrun")


def _settings(finish_seconds: float) -> wandb.Settings:
    return wandb.Settings(
        **PRIVATE,
        init_timeout=INIT_SECONDS,
        finish_timeout=finish_seconds,
        finish_timeout_raises=True,
        # The stop button of the web page would interrupt this process.
        stop_fn=lambda: None,
    )


def login_problem() -> str | None:
    """Why W&B would take no runs; None where it would."""
    mode = wandb.setup(wandb.Settings(silent=True)).settings.mode
    if mode == "disabled":
        return "W&B is disabled by WANDB_MODE or its settings"
    if is_offline() or wandb.login(prompt=False, verify=True):
        return None
    return "nobody is logged in to W&B"


def follow(projection: Projection) -> None:
    """Update until stdin ends, and once more then: of a run that is not ended W&B writes no whole file."""
    projection.update()
    while not select.select([sys.stdin], [], [], POLL_SECONDS)[0]:
        projection.update()
    projection.update(last=True)


@contextmanager
def _alone(folder: RunFolder) -> Iterator[None]:
    """Wait until the follower of a killed driver has ended."""
    files = wandb_folder(folder)
    files.mkdir(exist_ok=True)
    with (files / "lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _reserve_stdout() -> Tell:
    """Keep stdout for the driver: W&B's own process would inherit it and hold it open."""
    out = os.dup(1)
    os.dup2(2, 1)

    def tell(**told: Any) -> None:
        # A driver that was killed hears nothing.
        with suppress(BrokenPipeError):
            os.write(out, f"{json.dumps(told)}\n".encode())

    return tell


def main(command: str, *arguments: str) -> None:
    """Do one command. A trouble is told and ends the process at once: W&B's own end would wait for it."""
    tell = _reserve_stdout()
    try:
        if command == "check":
            tell(problem=login_problem())
            return
        folder = RunFolder(Path(arguments[0]))
        with _alone(folder):
            if command == "follow":
                follow(Projection(folder, tell))
            else:
                Projection(folder, lambda **_: None).publish(folder.report)
    except Exception as error:
        text = (redact(str(error)).strip().splitlines() or [""])[0]
        tell(**{"problem" if command == "check" else "trouble": f"{type(error).__name__}: {text}"})
        os._exit(1)


if __name__ == "__main__":
    main(*sys.argv[1:])
