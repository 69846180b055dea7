"""These tests run in a process of their own, with torchvision, which some processors need: `make families`."""

from __future__ import annotations

import sys
from pathlib import Path

import torch

torch.set_num_threads(1)
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


def _import_torchvision() -> None:
    """Import torchvision, whose compiled operators are missing beside the CPU build of torch.

    Its image transforms need none of them, but the import fails unless their names are known.
    """
    if TORCHVISION.is_dir() and str(TORCHVISION) not in sys.path:
        sys.path.append(str(TORCHVISION))
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.split(".")[0] == "torchvision"]:
            del sys.modules[name]
        library = torch.library.Library("torchvision", "DEF")
        for operator in OPERATORS:
            library.define(operator)
        import torchvision  # noqa: F401

        # The definitions live as long as the library.
        globals()["_library"] = library


_import_torchvision()
