"""What every command shares: refusals in one line, exit codes, JSON on request."""

from __future__ import annotations

import shlex
import signal
import sys
import traceback
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import Any

import click

from skazka_text.printable import json_line, printable
from skazka_text.problems import InputError
from skazka_text.secrets import redact
from studies.files import is_disk_full

# Failures that are told in one line; named and not imported, for `--help` must not wait for them.
EXPECTED = ("LedgerDamaged", "ExportError", "LedgerError", "OpeningError", "PreparationError")
FULL = "no space left on the disk; make room, then try again — a run that was begun goes on with skazka resume"
OK, INTERNAL, BAD_INPUT, SOME_FAILED, NONE_SUCCEEDED = 0, 1, 2, 3, 4


def guarded(command: Callable[..., Any]) -> Callable[..., Any]:
    """Turn refusals into one line each and exit code 2, in JSON where JSON was asked for."""

    @wraps(command)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        try:
            return command(*args, **kwargs)
        except InputError as error:
            problems = [str(problem) for problem in error.problems]
            if kwargs.get("as_json"):
                print_json({"ok": False, "problems": problems})
            for problem in problems:
                click.echo(f"error: {problem}", err=True)
            sys.exit(BAD_INPUT)
        except KeyboardInterrupt as error:
            _say_interrupted(error)
            sys.exit(128 + getattr(error, "signal", signal.SIGINT))
        except (click.ClickException, click.exceptions.Exit):
            raise
        except Exception as error:
            if is_disk_full(error) or type(error).__name__ in EXPECTED:
                message = FULL if is_disk_full(error) else str(error)
                click.echo(f"error: {printable(redact(message))}", err=True)
            else:
                # A defect of ours: told whole, but not with what the environment keeps secret.
                story = redact("".join(traceback.format_exception(error)))
                click.echo("\n".join(map(printable, story.splitlines())), err=True)
            sys.exit(INTERNAL)

    return wrapper


def _say_interrupted(error: KeyboardInterrupt) -> None:
    run: Path | None = getattr(error, "run", None)
    left = f"go on with: skazka resume {shown(run)}" if run and run.exists() else "nothing was left behind"
    click.echo(f"{error or 'interrupted'}; {left}", err=True)


json_option = click.option(
    "--json", "as_json", is_flag=True, help="Print one JSON object on stdout, the rest on stderr."
)

base_model_option = click.option(
    "--base-model", type=click.Path(path_type=Path), help="Folder that the run's base model moved to; the same model."
)


def print_json(value: Any) -> None:
    """One JSON object on stdout; JSON's own escapes where stdout cannot show every character."""
    encoding = getattr(sys.stdout, "encoding", None) or "utf-8"
    click.echo(json_line(value, only_ascii=not encoding.lower().startswith("utf")))


def shown(path: Path) -> str:
    """A path as a user would type it here."""
    return shlex.quote(str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path))
