"""What a trial's next epoch depends on beside its adapter: kept with each checkpoint, and put back."""

from __future__ import annotations

from collections.abc import Mapping

import torch

from trainables.random_state import random_state, set_random_state


def training_state(optimizer: torch.optim.Optimizer, moments: torch.dtype = torch.float32) -> dict[str, torch.Tensor]:
    """An optimizer's state and the random states, as named tensors on the CPU.

    moments: of Adam; in another type than float32 they are rounded, and what is trained from them differs.
    """
    tensors = {f"rng.{name}": value for name, value in random_state().items()}
    for index, kept in optimizer.state_dict()["state"].items():
        for name, value in kept.items():
            # Beside the moments Adam keeps a count of its steps, which must not be rounded.
            kind = value.dtype if value.dim() == 0 else moments
            tensors[f"optimizer.{index}.{name}"] = value.detach().to("cpu", kind).contiguous()
    return tensors


def restore_training(
    optimizer: torch.optim.Optimizer,
    schedule: torch.optim.lr_scheduler.LambdaLR,
    steps: int,
    state: Mapping[str, torch.Tensor],
    device: torch.device,
) -> None:
    """Put an optimizer, its schedule and the random states where they were after `steps` optimizer steps.

    state: what `training_state` gave then. device: of the base.
    """
    restored = optimizer.state_dict()
    restored["state"] = _moments(state)
    optimizer.load_state_dict(restored)
    schedule.load_state_dict({**schedule.state_dict(), "last_epoch": steps})
    for group, base_rate, scale in zip(optimizer.param_groups, schedule.base_lrs, schedule.lr_lambdas, strict=True):
        group["lr"] = base_rate * scale(steps)
    schedule._last_lr = [group["lr"] for group in optimizer.param_groups]
    random = {key.removeprefix("rng."): value for key, value in state.items() if key.startswith("rng.")}
    set_random_state(random, device)


def _moments(state: Mapping[str, torch.Tensor]) -> dict[int, dict[str, torch.Tensor]]:
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in state.items():
        if key.startswith("optimizer."):
            _, index, name = key.split(".", 2)
            moments.setdefault(int(index), {})[name] = value
    return moments
