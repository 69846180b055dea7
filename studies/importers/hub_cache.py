"""The hub's cache on disk: a repository's folder with `snapshots/REVISION`, whose files are links into `blobs`."""

from __future__ import annotations

from pathlib import Path

from skazka_text.problems import InputError, Problem


def snapshot_of(path: Path) -> Path:
    """The snapshot that is meant by a repository's folder; any other path as it is.

    Raises InputError where there are several and `refs/main` names none of them.
    """
    if not ((path / "snapshots").is_dir() and (path / "blobs").is_dir()):
        return path
    snapshots = sorted(folder for folder in (path / "snapshots").iterdir() if folder.is_dir())
    main = path / "refs" / "main"
    named = main.read_text(encoding="utf-8", errors="replace").strip() if main.is_file() else ""
    chosen = [folder for folder in snapshots if folder.name == named] or snapshots
    if len(chosen) != 1:
        message = f"{path} is a repository of the hub's cache with {len(snapshots)} snapshots"
        raise InputError(Problem("", "--from", message, f"give one of {path / 'snapshots'}/*"))
    return chosen[0]


def blobs_of(path: Path) -> Path | None:
    """The folder into which a snapshot links, for the snapshot or a folder within it; None for any other folder.

    path: without links in it.
    """
    for folder in (path, *path.parents):
        if folder.parent.name == "snapshots":
            blobs = folder.parent.parent / "blobs"
            return blobs if blobs.is_dir() else None
    return None
