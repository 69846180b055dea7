"""Every knob of one trial: its unit, bounds and default."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

TargetModules = Literal["attention", "attention+mlp"]
Scheduler = Literal["constant", "linear", "cosine"]


def no_switch(value: Any) -> Any:
    """The value itself. Raises ValueError for true and false: Python would count them as 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"must not be true or false, got {value} — write a number or a word")
    return value


class TrialConfig(BaseModel):
    """One LoRA configuration: what a baseline writes by hand and what the search chooses.

    Spaces, baselines and reports all name these fields. Replay mixes control images into
    training; `replay_ratio` has a meaning only where `replay` is on.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    learning_rate: float = Field(2e-4, gt=0, le=1, description="peak learning rate of AdamW")
    rank: int = Field(16, ge=1, le=512, description="LoRA rank r")
    alpha_ratio: float = Field(2.0, gt=0, le=64, description="LoRA alpha divided by the rank")
    dropout: float = Field(0.05, ge=0, lt=1, description="dropout on the LoRA input, probability")
    target_modules: TargetModules = Field("attention", description="linear layers of the text model that get LoRA")
    batch_size: int = Field(4, ge=1, le=4096, description="rows an optimizer step")
    epochs: int = Field(10, ge=1, le=1000, description="passes over the training rows")
    max_length: int = Field(256, ge=1, le=131072, description="tokens of prompt and answer; cuts the answer's tail")
    images_per_character: int | None = Field(None, ge=1, description="training images a character; empty means all")
    scheduler: Scheduler = Field("cosine", description="shape of the learning rate after warm-up")
    warmup_ratio: float = Field(0.05, ge=0, le=1, description="share of the steps that warm up")
    weight_decay: float = Field(0.0, ge=0, le=1, description="AdamW weight decay")
    replay: bool = Field(False, description="train on control images as well")
    replay_ratio: float | None = Field(None, gt=0, le=4, description="control rows for each target row")

    @field_validator("*", mode="before")
    @classmethod
    def _only_replay_is_a_switch(cls, value: Any, info: ValidationInfo) -> Any:
        return value if info.field_name == "replay" else no_switch(value)

    @model_validator(mode="after")
    def _replay_ratio_only_under_replay(self) -> TrialConfig:
        if self.replay and self.replay_ratio is None:
            raise ValueError("replay is on but replay_ratio is empty — add replay_ratio, for example 0.5")
        if not self.replay and self.replay_ratio is not None:
            raise ValueError("replay_ratio is set but replay is off — set replay: true or remove replay_ratio")
        return self

    @property
    def alpha(self) -> float:
        """LoRA alpha: the adapter's output is scaled by alpha / rank."""
        return self.alpha_ratio * self.rank


KNOBS: tuple[str, ...] = tuple(TrialConfig.model_fields)
