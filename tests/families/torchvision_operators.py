"""torchvision, which some processors need, beside the CPU build of torch. To be imported before transformers."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import torch

# Where `make install` puts it: in the environment itself it would break every import of transformers.
TORCHVISION = Path(sys.prefix) / "torchvision"
OPERATORS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    *(
        f"{name}(Tensor input) -> Tensor"
        for name in (
            "roi_align",
            "_roi_align_backward",
            "ps_roi_align",
            "_ps_roi_align_backward",
            "roi_pool",
            "_roi_pool_backward",
            "ps_roi_pool",
            "_ps_roi_pool_backward",
            "qroi_align",
            "deform_conv2d",
            "_deform_conv2d_backward",
        )
    ),
)


def import_torchvision() -> None:
    """Import torchvision, whose compiled operators are missing beside the CPU build of torch.

    Its image transforms need none of them, but the import fails unless their names are known.
    """
    if TORCHVISION.is_dir() and str(TORCHVISION) not in sys.path:
        sys.path.append(str(TORCHVISION))
    try:
        importlib.import_module("torchvision")
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        for operator in OPERATORS:
            LIBRARY.define(operator)  # type: ignore[no-untyped-call]
        importlib.import_module("torchvision")


# The definitions live as long as it does.
LIBRARY = torch.library.Library("torchvision", "FRAGMENT")  # type: ignore[no-untyped-call]
import_torchvision()
