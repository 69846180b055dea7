"""Who may reach Ray: ports on this machine only, a token that only its owner reads, a warning where there is none."""

from __future__ import annotations

import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ray._private import ray_constants

from skazka_text.printable import printable

MODE = "RAY_AUTH_MODE"
TOKEN, TOKEN_FILE = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"


@contextmanager
def loopback_only() -> Iterator[None]:
    """A Ray that is started inside listens on 127.0.0.1, and nowhere else.

    Otherwise every process of it listens on all addresses: ray.init turns `_node_ip_address="127.0.0.1"`
    into the address that the network sees. With this constant Ray does on Linux what it always does on macOS.
    """
    before = ray_constants.ENABLE_RAY_CLUSTER
    ray_constants.ENABLE_RAY_CLUSTER = False
    try:
        yield
    finally:
        ray_constants.ENABLE_RAY_CLUSTER = before


def keep_token_private(*, create: bool) -> None:
    """Let nobody but its owner read ~/.ray/auth_token; `create`: make it, for Ray would leave it open to all.

    Where the home cannot be written to, a token of this process's environment takes its place.
    """
    try:
        path = Path.home() / ".ray" / "auth_token"
        if not path.exists():
            if create and _is_token_wanted():
                _write_token(path)
        elif path.stat().st_mode & 0o077:
            path.chmod(0o600)
    except (OSError, RuntimeError):
        if create and _is_token_wanted():
            os.environ[TOKEN] = secrets.token_hex(32)


def _is_token_wanted() -> bool:
    given = os.environ.get(TOKEN) or os.environ.get(TOKEN_FILE)
    return not given and os.environ.get(MODE, "token").lower() == "token"


def _write_token(path: Path) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # mkstemp makes it for its owner alone; the link gives the place to the first of two that start at once.
    descriptor, draft = tempfile.mkstemp(dir=path.parent)
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(secrets.token_hex(32))
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        os.unlink(draft)


def warn_without_token(address: str) -> None:
    """Say on stderr when the cluster that was just joined is used without token authentication."""
    # ray.init sets it when it finds a token itself.
    if os.environ.get(MODE, "").lower() != "token":
        print(
            f"warning: the Ray cluster at {printable(address)} is used without token authentication: whoever reaches "
            "its ports can run code there — make a token with ray get-auth-token --generate, put it on every node, set "
            f"{MODE}=token everywhere, and start the head with --dashboard-host=127.0.0.1",
            file=sys.stderr,
        )
