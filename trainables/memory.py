"""Out of memory: the same work again with half as many rows at once, for every loop that puts rows on the device."""

from __future__ import annotations

import gc
import math
import re
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch

from skazka_text.problems import Advice

# What the allocators of the devices say, and the libraries that allocate for themselves.
SHORT = re.compile(
    r"out of memory|not enough memory|can't allocate memory|bad_alloc|PT_DEVMEM Allocation failed"
    r"|_STATUS_ALLOC_FAILED|CUBLAS_STATUS_NOT_INITIALIZED|CUDNN_STATUS_NOT_SUPPORTED\."
)
Item = TypeVar("Item")
Result = TypeVar("Result")


def is_out_of_memory(error: BaseException) -> bool:
    """Whether memory ran out, of the GPU or of the CPU: not every library raises torch's own error for that."""
    if isinstance(error, torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and SHORT.search(str(error)) is not None


class AtOnce:
    """How many rows the device gets at once: as many as are asked for, until its memory runs out."""

    def __init__(self, rows: int | None = None) -> None:
        """rows: the most to begin with; None sets no limit."""
        self.rows = rows

    def run(self, work: Callable[[int], Result], rows: int, undo: Callable[[], None] = lambda: None) -> Result:
        """`work` on a batch of `rows`, given how many of them to take at once; out of memory, again with half as many.

        undo: takes back what the try that failed has done.
        Raises what `work` raises when memory does not suffice for a single row.
        """
        while True:
            size = min(rows, self.rows or rows)
            try:
                return work(size)
            except RuntimeError as error:
                if size == 1 or not is_out_of_memory(error):
                    raise
            # Outside the handler, whose traceback would hold the memory that is to be freed.
            self.rows = math.ceil(size / 2)
            free_memory()
            undo()

    def map(self, work: Callable[[Sequence[Item]], Sequence[Result]], items: Sequence[Item]) -> list[Result]:
        """What `work` gives for the items, one each and in order."""
        return self.run(lambda size: [one for part in batches(items, size) for one in work(part)], len(items))


def batches(items: Sequence[Item], size: int) -> Iterator[Sequence[Item]]:
    """Consecutive slices of at most `size` items."""
    for start in range(0, len(items), size):
        yield items[start : start + size]


def one_row_too_many(device: torch.device) -> Advice:
    """What is said where a single row does not fit."""
    remedy = "have pictures scaled down (max_pixels), use quantization: 4bit, or choose a smaller model"
    return Advice(f"one row at a time does not fit {memory_of(device.type)} beside the base model", remedy)


def memory_of(device: str) -> str:
    """What the memory of a kind of device is called."""
    return "the GPU's memory" if device == "cuda" else "memory"


def limit_memory(share: float | None) -> None:
    """Leave the rest of a GPU's memory to those who share it: whoever asks for more runs out alone.

    share: of one GPU; None, 0 and 1 or more set no limit.
    """
    if share is not None and 0 < share < 1 and torch.cuda.is_available():
        torch.cuda.set_per_process_memory_fraction(share)


def free_memory() -> None:
    """Give back what nothing holds any more."""
    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
