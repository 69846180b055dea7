"""The base model: loaded once, frozen, its vision tower asked once for each picture."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

from spaces.trial_config import TargetModules
from studies.study import BaseModelSpec
from trainables.adapted import Adapted, by_module, by_name, unquantised
from trainables.encoding import Encoded, EncodedImage, Encoder, collate
from trainables.families import FamilyRefused, family_of, refusal
from trainables.loading import load_model
from trainables.prompting import BY_MODULE, BY_NAME, Prompting
from trainables.settling import base_template, settle
from trainables.text_layers import LayersUnknown, TextLayers

# Outputs of the vision tower that the language model reads; the hidden states of every layer are not.
POOLED, DEEPSTACK = "pooler_output", "deepstack_features"
# What the language model needs of a picture beside its features: the grid gives its tokens their positions.
LANGUAGE_INPUTS = ("image_grid_thw",)


@dataclass(frozen=True)
class VisionFeatures:
    """What the frozen vision tower says of one picture.

    pooled: shape (n_image_tokens, hidden); deepstack: one such tensor a layer, where the model has them.
    inputs: per-image inputs that the language model needs as well (LANGUAGE_INPUTS).
    """

    pooled: torch.Tensor
    deepstack: tuple[torch.Tensor, ...]
    inputs: dict[str, torch.Tensor]


class BaseModel:
    """A frozen vision-language model with its processor, or a text model with its tokenizer."""

    def __init__(
        self,
        model: Any,
        processor: Any,
        prompting: Prompting | None = None,
        template: Mapping[str, Any] | None = None,
    ) -> None:
        """prompting: how the run that this is for asks; None settles it, with the arguments `template`.

        Raises FamilyRefused for a model that cannot be trained here.
        """
        self.family = family_of(model, sees=hasattr(processor, "tokenizer"))
        try:
            self.layers = TextLayers.of(model)
        except LayersUnknown as error:
            raise refusal(model, str(error)) from error
        self.model = model.eval().requires_grad_(False)
        self.processor = processor
        lent = self.family.chat_template
        settled = prompting or replace(
            settle(processor, template or {}, lent), adapted=BY_MODULE, unquantised=unquantised(model)
        )
        processor.chat_template = settled.chat_template or base_template(processor, lent)
        self.encoder = Encoder(processor, settled.template)
        # The first versions did not write them down.
        self.prompting = settled if settled.stops else replace(settled, stops=self._stops())

    @classmethod
    def load(
        cls, name: str, spec: BaseModelSpec, *, prompting: Prompting | None = None, trust_remote_code: bool = False
    ) -> BaseModel:
        """Load a hub model or a local folder. Raises ModelRefused or FamilyRefused."""
        whole = prompting.unquantised if prompting else None
        try:
            loaded = load_model(name, spec, whole=whole, trust_remote_code=trust_remote_code)
        except LayersUnknown as error:
            raise FamilyRefused(f"{name!r} cannot be trained here: {error} — choose another base model") from error
        return cls(*loaded, prompting, spec.template)

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        device: torch.device = self.model.device
        return device

    @property
    def pad_id(self) -> int:
        """The id that fills short rows; it is masked wherever it stands."""
        tokenizer = self.encoder.tokenizer
        return int(tokenizer.pad_token_id if tokenizer.pad_token_id is not None else tokenizer.eos_token_id)

    @property
    def context(self) -> int | None:
        """Tokens that the model reads at most; None where its configuration does not say."""
        positions: int | None = getattr(self.model.config.get_text_config(), "max_position_embeddings", None)
        return positions

    @property
    def stops(self) -> list[int]:
        """Ids at which generation ends."""
        return list(self.prompting.stops)

    def _stops(self) -> list[int]:
        """Ids that end an answer, and the model's own."""
        own = self.model.generation_config.eos_token_id
        return sorted({*self.encoder.stops, *(own if isinstance(own, list) else [own])} - {None})

    def adapted(self, target_modules: TargetModules) -> Adapted:
        """The modules that get LoRA. Raises LayersUnknown where the model has none that can."""
        if self.prompting.adapted == BY_NAME:
            return by_name(self.model, self.layers, target_modules, sees=self.encoder.sees)
        return by_module(self.model, self.layers, target_modules)

    @torch.inference_mode()
    def see(self, image: EncodedImage) -> VisionFeatures:
        """Run the vision tower on one picture."""
        taken = inspect.signature(self.model.get_image_features).parameters
        inputs = {name: value.to(self.device) for name, value in image.inputs.items() if name in taken}
        # The tower reads pixel_values in the model's own precision.
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        output = self.model.get_image_features(**inputs, return_dict=True)
        return VisionFeatures(
            pooled=torch.cat(list(output.pooler_output)).cpu(),
            deepstack=tuple(torch.cat(list(layer)).cpu() for layer in getattr(output, DEEPSTACK, None) or ()),
            inputs={name: image.inputs[name] for name in LANGUAGE_INPUTS if name in image.inputs},
        )

    def check(self, row: Encoded, features: VisionFeatures) -> None:
        """Raises ValueError unless the prompt has one token for each vector of its picture."""
        tokens, vectors = row.prompt.count(self.model.config.image_token_id), len(features.pooled)
        if tokens != vectors:
            raise ValueError(f"the prompt has {tokens} image tokens, but the vision tower gives {vectors} vectors")

    def inputs(
        self, rows: Sequence[Encoded], features: Mapping[str, VisionFeatures], *, left: bool = False
    ) -> dict[str, Any]:
        """A batch of rows as the model takes it: right-padded to train, left-padded to generate.

        features: picture -> what the tower says of it; empty in a study without pictures.
        """
        batch = collate(rows, self.pad_id, left=left, answer_inputs=self.family.answer_inputs)
        batch = {name: value.to(self.device) for name, value in batch.items()}
        return {**batch, **self.vision_inputs([features[row.unit] for row in rows])} if features else batch

    def vision_inputs(self, features: Sequence[VisionFeatures]) -> dict[str, Any]:
        """Keyword arguments that stand for `pixel_values`: the same loss and answers without the tower."""
        output = BaseModelOutputWithPooling()
        pooled = [feature.pooled.to(self.device) for feature in features]
        output[POOLED] = torch.cat(pooled) if self.family.one_tensor else pooled
        if features[0].deepstack:
            layers = zip(*(feature.deepstack for feature in features), strict=True)
            output[DEEPSTACK] = [[part.to(self.device) for part in layer] for layer in layers]
        extra = {
            name: torch.cat([feature.inputs[name] for feature in features]).to(self.device)
            for name in features[0].inputs
        }
        return {"mm_encoder_outputs": {"image": output}, **extra}


def features_to_tensors(features: Mapping[str, VisionFeatures]) -> dict[str, torch.Tensor]:
    """Vision features as named tensors, for a safetensors file."""
    tensors = {}
    for image, feature in features.items():
        tensors[f"{image}|pooled"] = feature.pooled.contiguous()
        for index, layer in enumerate(feature.deepstack):
            tensors[f"{image}|deepstack.{index:03d}"] = layer.contiguous()
        for name, value in feature.inputs.items():
            tensors[f"{image}|inputs.{name}"] = value.contiguous()
    return tensors


def features_from_tensors(tensors: Mapping[str, torch.Tensor]) -> dict[str, VisionFeatures]:
    """The inverse of `features_to_tensors`."""
    parts: dict[str, dict[str, torch.Tensor]] = {}
    for key in sorted(tensors):
        image, _, part = key.rpartition("|")
        parts.setdefault(image, {})[part] = tensors[key]
    return {image: _feature_of(part) for image, part in parts.items()}


def _feature_of(parts: Mapping[str, torch.Tensor]) -> VisionFeatures:
    return VisionFeatures(
        pooled=parts["pooled"],
        deepstack=tuple(value for name, value in parts.items() if name.startswith("deepstack.")),
        inputs={name.removeprefix("inputs."): value for name, value in parts.items() if name.startswith("inputs.")},
    )
