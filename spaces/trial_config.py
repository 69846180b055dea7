"""Every knob of one trial: its unit, bounds and default."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from skazka_text.problems import ValueRefused

TargetModules = Literal["attention", "attention+mlp"]
Scheduler = Literal["constant", "linear", "cosine"]
KlRows = Literal["replay", "target"]
Init = Literal["default", "gaussian"]


def no_switch(value: Any) -> Any:
    """The value itself. Raises ValueError for true and false: Python would count them as 1 and 0."""
    if isinstance(value, bool):
        raise ValueRefused(f"must not be true or false, got {value}", "write a number or a word")
    return value


class TrialConfig(BaseModel):
    """One LoRA configuration: what a baseline writes by hand and what the search chooses.

    Spaces, baselines and reports all name these fields. Replay mixes control images into training;
    `replay_ratio` has a meaning only where `replay` is on, `kl_on` and `kl_weight` only where `kl` is.
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
    replay: bool = Field(False, strict=True, description="train on control images as well")
    replay_ratio: float | None = Field(None, gt=0, le=4, description="control rows for each target row")
    kl: bool = Field(False, strict=True, description="hold the answers' distribution near the base's")
    kl_on: KlRows | None = Field(None, description="rows whose answers are held: replay or target")
    kl_weight: float | None = Field(None, gt=0, le=100, description="weight of the divergence from the base, per nat")
    scale_search: bool = Field(False, strict=True, description="after training, keep the best scale of 1, .85, .7, .5")
    rslora: bool = Field(False, strict=True, description="scale by alpha / sqrt(r) in place of alpha / r")
    dora: bool = Field(False, strict=True, description="learn magnitude and direction apart (DoRA); slower")
    init: Init = Field("default", description="first values of LoRA's A: default (Kaiming) or gaussian")
    lora_plus_ratio: float = Field(1.0, ge=1, le=64, description="learning rate of LoRA's B over that of A")
    label_smoothing: float = Field(0.0, ge=0, lt=1, description="share of the target spread over all tokens")
    augmentation: int = Field(0, ge=0, le=8, description="fixed variants of each training picture beside itself")
    balance: bool = Field(False, strict=True, description="as many rows of each character an epoch")

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch(cls, value: Any, info: ValidationInfo) -> Any:
        a_switch = cls.model_fields[str(info.field_name)].annotation is bool
        return value if a_switch else no_switch(value)

    @model_validator(mode="after")
    def _only_under_its_switch(self) -> TrialConfig:
        for switch, knobs in CONDITIONAL.items():
            for knob, example in knobs.items():
                if getattr(self, switch) and getattr(self, knob) is None:
                    raise ValueRefused(f"{switch} is on but {knob} is empty", f"add {knob}, for example {example}")
                if not getattr(self, switch) and getattr(self, knob) is not None:
                    raise ValueRefused(f"{knob} is set but {switch} is off", f"set {switch}: true or remove {knob}")
        return self

    @model_validator(mode="after")
    def _no_scale_of_dora(self) -> TrialConfig:
        # DoRA normalises the weight with its update: half the update is not half its effect.
        if self.dora and self.scale_search:
            raise ValueRefused("scale_search cannot scale a DoRA adapter", "set dora: false or scale_search: false")
        return self

    @property
    def alpha(self) -> float:
        """LoRA alpha: the adapter's output is scaled by alpha / rank, under rslora by alpha / sqrt(rank)."""
        return self.alpha_ratio * self.rank

    @property
    def uses_replay_rows(self) -> bool:
        """Whether it trains on the study's replay rows, or is held to the base on them."""
        return self.replay or self.kl_on == "replay"

    def as_data(self) -> dict[str, Any]:
        """The configuration as plain JSON.

        Knobs that came later are left out at their defaults: a run of an earlier version stays the same run.
        """
        values = self.model_dump(mode="json")
        return {
            knob: value
            for knob, value in values.items()
            if knob in FIRST_KNOBS or value != type(self).model_fields[knob].default
        }


KNOBS: tuple[str, ...] = tuple(TrialConfig.model_fields)
FIRST_KNOBS: frozenset[str] = frozenset(KNOBS[: KNOBS.index("replay_ratio") + 1])
# Switch -> the knobs that have a meaning only where it is on, each with an example.
CONDITIONAL: dict[str, dict[str, Any]] = {
    "replay": {"replay_ratio": 0.5},
    "kl": {"kl_on": "replay", "kl_weight": 0.5},
}
CONDITIONAL_KNOBS = frozenset(knob for knobs in CONDITIONAL.values() for knob in knobs)


def value_of(config: Mapping[str, Any], knob: str) -> Any:
    """A knob's value in a configuration of `TrialConfig.as_data`; None for one that lacks it."""
    left_out = None if knob in FIRST_KNOBS else TrialConfig.model_fields[knob].default
    return config.get(knob, left_out)
