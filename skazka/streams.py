"""stdout and stderr as a shell may leave them: closed, full, read by nobody, or unable to show a character."""

from __future__ import annotations

import codecs
import errno
import io
import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, TextIO

READER_GONE, UNWRITABLE = 128 + signal.SIGPIPE, 1
_ASCII = "plain_ascii"


class Sink(io.FileIO):
    """A file descriptor whose first failed write is remembered; what follows goes nowhere.

    A lost screen must neither end a sweep of hours nor leave a report half written: the command goes on, and its
    exit code tells.
    """

    failed: OSError | None = None

    def write(self, data: Any, /) -> int:
        """Write the bytes, or drop them where they can no longer be written."""
        try:
            return super().write(data)
        except OSError as error:
            self.failed = self.failed or error
            _attach(os.devnull, os.O_WRONLY, self.fileno())
            return memoryview(data).nbytes


@contextmanager
def robust_streams() -> Iterator[None]:
    """Let nothing that is printed raise, for as long as a command runs, and tell in its exit code what was lost.

    Where stdout could not be written, SystemExit of 0 becomes READER_GONE (`skazka status RUN | head -1`), or
    UNWRITABLE with one line on stderr. Streams that something else put in their place, such as a test, are left alone.
    """
    if sys.stdout is not sys.__stdout__ or sys.stderr is not sys.__stderr__:
        yield
        return
    _open_closed()
    codecs.register(_plain_ascii)
    before = sys.stdout, sys.stderr
    out, err = Sink(1, "w", closefd=False), Sink(2, "w", closefd=False)
    sys.stdout, sys.stderr = _text(out, before[0]), _text(err, before[1])
    try:
        yield
    except SystemExit as end:
        sys.stdout.flush()
        if out.failed is None or end.code not in (None, 0):
            raise
        raise SystemExit(_lost(out.failed)) from end
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def _lost(error: OSError) -> int:
    if error.errno == errno.EPIPE:
        return READER_GONE
    reason = "it is closed" if error.errno == errno.EBADF else error.strerror
    print(f"error: stdout could not be written: {reason}; what the command did is done", file=sys.stderr)
    return UNWRITABLE


def _open_closed() -> None:
    """Take the numbers of closed streams, or the next file to be opened, such as the ledger, would be printed into."""
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            # A closed stdout still refuses what is written into it; nobody asks for stderr.
            _attach(os.devnull, os.O_RDONLY if number < 2 else os.O_WRONLY, number)


def _attach(path: str, flags: int, number: int) -> None:
    opened = os.open(path, flags)
    os.dup2(opened, number)
    if opened != number:
        os.close(opened)


def _text(sink: Sink, before: TextIO | None) -> TextIO:
    """A text stream like the one before, but for what its encoding cannot show: that is written as `\\u0447`."""
    encoding = getattr(before, "encoding", None) or "utf-8"
    if codecs.lookup(encoding).name == "ascii":
        encoding = _ASCII
    with suppress(OSError):
        # Another program may have left the terminal so that a long table cannot be written at once.
        os.set_blocking(sink.fileno(), True)
    buffer = io.BufferedWriter(sink)
    # stderr is shown line by line wherever it goes, stdout on a terminal.
    by_line = sink.fileno() == 2 or sink.isatty()
    return io.TextIOWrapper(buffer, encoding, "backslashreplace", line_buffering=by_line)


def _plain_ascii(name: str) -> codecs.CodecInfo | None:
    """ASCII under another name: click takes a stream of `ascii` for a mistake and writes UTF-8 into it."""
    if name != _ASCII:
        return None
    known = codecs.lookup("ascii")
    return codecs.CodecInfo(
        known.encode,
        known.decode,
        known.streamreader,
        known.streamwriter,
        known.incrementalencoder,
        known.incrementaldecoder,
        name=_ASCII,
    )
