"""The base model: loaded once, frozen, its vision tower asked once for each picture."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import torch

from spaces.trial_config import TargetModules
from studies.study import BaseModelSpec
from trainables.adapted import Adapted, by_module, by_name, unquantised
from trainables.conversation import reason_of
from trainables.encoding import AnswerError, Encoded, EncodedImage, Encoder, collate
from trainables.families import family_of, refusal, vision_model
from trainables.loading import load_model
from trainables.prompting import BY_MODULE, BY_NAME, Prompting
from trainables.settling import base_template, settle
from trainables.text_layers import LayersUnknown, TextLayers
from trainables.vision_features import VisionFeatures, vision_inputs

# Where families with positions in space keep how far those of a batch are from its places.
POSITIONS = "rope_deltas"


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
        self._counting = [module for module in model.modules() if hasattr(module, POSITIONS)]
        self.processor = processor
        lent = self.family.chat_template
        settled = prompting or replace(
            settle(processor, template or {}, lent), adapted=BY_MODULE, unquantised=tuple(unquantised(model))
        )
        processor.chat_template = settled.chat_template or base_template(processor, lent)
        self.encoder = Encoder(processor, settled.template)
        # The first versions did not write them down.
        self.prompting = settled if settled.stops else replace(settled, stops=tuple(self._stops()))

    @classmethod
    def load(
        cls, name: str, spec: BaseModelSpec, *, prompting: Prompting | None = None, trust_remote_code: bool = False
    ) -> BaseModel:
        """Load a hub model or a local folder. Raises ModelRefused or FamilyRefused."""
        whole = prompting.unquantised if prompting else None
        model, processor = load_model(name, spec, whole=whole, trust_remote_code=trust_remote_code)
        return cls(model, processor, prompting, spec.template)

    @property
    def device(self) -> torch.device:
        """Where the model computes."""
        device: torch.device = self.model.device
        return device

    @property
    def gpus(self) -> list[torch.device]:
        """The GPUs that its weights lie on, several where the model is spread; none on a machine without."""
        return [one for one in dict.fromkeys(weight.device for weight in self.model.parameters()) if one.type == "cuda"]

    @property
    def pad_id(self) -> int:
        """The id that fills short rows; it is masked wherever it stands."""
        tokenizer = self.encoder.tokenizer
        known = (tokenizer.pad_token_id, tokenizer.eos_token_id, *self.stops)
        return next(int(token) for token in known if token is not None)

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
        try:
            ends = self.encoder.stops
        except AnswerError as error:
            raise refusal(self.model, f"no answer can be learnt ({reason_of(error)})") from error
        return sorted({*ends, *(one for one in (own if isinstance(own, list) else [own]) if isinstance(one, int))})

    def adapted(self, target_modules: TargetModules) -> Adapted:
        """The modules that get LoRA. Raises LayersUnknown where the model has none that can."""
        if self.prompting.adapted == BY_NAME:
            return by_name(self.model, self.layers, target_modules, sees=self.encoder.sees)
        return by_module(self.model, self.layers, target_modules)

    @torch.inference_mode()
    def see(self, image: EncodedImage) -> VisionFeatures:
        """Run the vision tower on one picture."""
        inner = vision_model(self.model)
        taken = inspect.signature(inner.get_image_features).parameters
        inputs = {name: value for name, value in self.pixels(image).items() if name in taken}
        return VisionFeatures.of(inner.get_image_features(**inputs, return_dict=True), image.inputs)

    def pixels(self, image: EncodedImage) -> dict[str, torch.Tensor]:
        """Keyword arguments of one picture; a tower reads numbers in the model's own precision."""
        return {
            name: value.to(self.device, self.model.dtype if value.is_floating_point() else None)
            for name, value in image.inputs.items()
        }

    def check(self, row: Encoded, features: VisionFeatures) -> None:
        """Raises ValueError unless the prompt has one token for each vector of its picture."""
        tokens, vectors = row.prompt.count(self.model.config.image_token_id), features.vectors
        if tokens != vectors:
            raise ValueError(f"the prompt has {tokens} image tokens, but the vision tower gives {vectors} vectors")

    def inputs(
        self, rows: Sequence[Encoded], features: Mapping[str, VisionFeatures], *, left: bool = False
    ) -> dict[str, Any]:
        """A batch of rows as the model takes it: right-padded to train, left-padded to generate.

        The model is as if it had read nothing before.

        features: picture -> what the tower says of it; empty in a study without pictures.
        """
        self._forget()
        batch = collate(rows, self.pad_id, left=left, answer_inputs=self.family.answer_inputs)
        batch = {name: value.to(self.device) for name, value in batch.items()}
        return {**batch, **self.vision_inputs([features[row.unit] for row in rows])} if features else batch

    def _forget(self) -> None:
        """Drop what the model keeps of the batch before, by which it would count the positions of the next."""
        for module in self._counting:
            setattr(module, POSITIONS, None)

    def vision_inputs(self, features: Sequence[VisionFeatures]) -> dict[str, Any]:
        """Keyword arguments that stand for `pixel_values`: the same loss and answers without the tower."""
        return vision_inputs(features, self.model.config.model_type, self.device)
