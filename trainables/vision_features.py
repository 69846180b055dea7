"""What the frozen vision tower says of pictures: kept picture by picture, put together again for a batch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from transformers.modeling_outputs import BaseModelOutputWithPooling

# A field of the tower's output: a tensor, or a list of such fields.
Field = Any
# The fields with one vector for each token of the picture. Only where there is no first one the second is read.
POOLED, LAST = "pooler_output", "last_hidden_state"
# Of every layer of the tower; no language model reads them.
NOT_READ = ("hidden_states", "attentions")
# What the language model needs of a picture beside its features: the grid gives its tokens their positions.
LANGUAGE_INPUTS = ("image_grid_thw",)
# The first versions kept the vectors alone, flat; these families take those of a batch as one tensor.
FLAT = "pooled"
FLAT_AS_ONE_TENSOR = ("gemma3", "internvl", "paligemma")


@dataclass(frozen=True)
class VisionFeatures:
    """What the frozen vision tower says of one picture, on the CPU.

    output: the fields of its output that the language model may read, in the tower's own shapes. inputs: per-image
    inputs that the language model needs as well (LANGUAGE_INPUTS).
    """

    output: dict[str, Field]
    inputs: dict[str, torch.Tensor]

    @classmethod
    def of(cls, output: Mapping[str, Any], inputs: Mapping[str, torch.Tensor]) -> VisionFeatures:
        """output: of `get_image_features` for one picture. inputs: what the processor gave of it.

        Raises ValueError for a tower that gives no vectors.
        """
        unread = (*NOT_READ, LAST) if output.get(POOLED) is not None else NOT_READ
        kept = {name: _kept(value) for name, value in output.items() if name not in unread and _fits(value)}
        if not kept.keys() & {POOLED, LAST}:
            raise ValueError(f"its vision tower gives neither {POOLED} nor {LAST}")
        return cls(kept, {name: inputs[name] for name in LANGUAGE_INPUTS if name in inputs})

    @property
    def vectors(self) -> int:
        """How many vectors stand for the picture, one for each of its tokens in the prompt."""
        pooled = next(self.output[name] for name in (POOLED, LAST, FLAT) if name in self.output)
        return sum(part.numel() // part.shape[-1] for _, part in _leaves("", pooled))


def vision_inputs(features: Sequence[VisionFeatures], kind: str, device: torch.device) -> dict[str, Any]:
    """Keyword arguments that stand for the `pixel_values` of a batch's pictures, in their order.

    kind: the model's type, which says how features of the first versions are read.
    """
    output = BaseModelOutputWithPooling()
    for name in features[0].output:
        parts = [feature.output[name] for feature in features]
        if name == FLAT:
            output[POOLED] = _moved(torch.cat(parts) if kind in FLAT_AS_ONE_TENSOR else parts, device)
        else:
            output[name] = _moved(_joined(parts), device)
    extra = {name: torch.cat([feature.inputs[name] for feature in features]) for name in features[0].inputs}
    return {"mm_encoder_outputs": {"image": output}, **{name: value.to(device) for name, value in extra.items()}}


def features_to_tensors(features: Mapping[str, VisionFeatures]) -> dict[str, torch.Tensor]:
    """Vision features as named tensors, for a safetensors file."""
    tensors: dict[str, torch.Tensor] = {}
    for image, feature in features.items():
        for part, fields in (("output", feature.output), ("inputs", feature.inputs)):
            for name, value in fields.items():
                tensors |= {key: leaf.contiguous() for key, leaf in _leaves(f"{image}|{part}.{name}", value)}
    return tensors


def features_from_tensors(tensors: Mapping[str, torch.Tensor]) -> dict[str, VisionFeatures]:
    """The inverse of `features_to_tensors`."""
    features: dict[str, VisionFeatures] = {}
    for key in sorted(tensors):
        image, _, path = key.rpartition("|")
        feature = features.setdefault(image, VisionFeatures({}, {}))
        part, _, rest = path.partition(".")
        if part == "inputs":
            feature.inputs[rest] = tensors[key]
        elif part == FLAT:
            feature.output[FLAT] = tensors[key]
        elif part == "deepstack":
            # As the first versions named them: one vector each of one picture.
            feature.output.setdefault("deepstack_features", []).append([tensors[key]])
        else:
            name, *places = rest.split(".")
            _put(feature.output, name, [int(place) for place in places], tensors[key])
    return features


def _fits(value: Any) -> bool:
    """Whether it is made of tensors and lists alone, and not empty."""
    if isinstance(value, (list, tuple)):
        return len(value) > 0 and all(map(_fits, value))
    return isinstance(value, torch.Tensor)


def _kept(value: Any) -> Field:
    # A part of a tensor would keep the whole alive, and no file takes two parts of one.
    return value.cpu().clone() if isinstance(value, torch.Tensor) else [_kept(item) for item in value]


def _joined(parts: Sequence[Field]) -> Field:
    """The same field of several pictures as the tower gives it for all of them.

    A list of tensors holds pictures or their tiles; a list of lists has one for each layer.
    """
    first = parts[0]
    if isinstance(first, torch.Tensor):
        return torch.cat(list(parts))
    if isinstance(first[0], torch.Tensor):
        return [item for part in parts for item in part]
    return [_joined(layer) for layer in zip(*parts, strict=True)]


def _moved(value: Field, device: torch.device) -> Field:
    return value.to(device) if isinstance(value, torch.Tensor) else [_moved(item, device) for item in value]


def _leaves(name: str, value: Field) -> Iterator[tuple[str, torch.Tensor]]:
    """Every tensor of a field with its place in it."""
    if isinstance(value, torch.Tensor):
        yield name, value
    else:
        for place, item in enumerate(value):
            yield from _leaves(f"{name}.{place:05d}", item)


def _put(output: dict[str, Field], name: str, places: Sequence[int], tensor: torch.Tensor) -> None:
    """The inverse of `_leaves` for one tensor; they come in order."""
    if not places:
        output[name] = tensor
        return
    here = output.setdefault(name, [])
    for place in places[:-1]:
        if place == len(here):
            here.append([])
        here = here[place]
    here.append(tensor)
