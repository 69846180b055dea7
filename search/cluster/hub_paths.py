"""Where the hub's cache and token lie, for processes that work in another folder than the user's."""

from __future__ import annotations

import os

NAMES = ("HF_HOME", "HF_HUB_CACHE", "HF_XET_CACHE", "HF_TOKEN_PATH", "HF_MODULES_CACHE")


def keep_hub_paths() -> None:
    """Make the paths that the user gave huggingface_hub by environment absolute: before the folder is left."""
    for name in NAMES:
        if path := os.environ.get(name):
            os.environ[name] = os.path.abspath(os.path.expanduser(os.path.expandvars(path)))
