"""What the vision tower says of pictures: kept whole, written and read, put together for a batch as it gives it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from safetensors.torch import load, save

from trainables.vision_features import (
    VisionFeatures,
    features_from_tensors,
    features_to_tensors,
    vision_inputs,
)

CPU = torch.device("cpu")
# Two pictures of unequal size.
SIZES = {"a.png": 3, "b.png": 5}


def rows(start: float, count: int) -> torch.Tensor:
    """Vectors of two numbers that tell where they came from."""
    return torch.stack([torch.tensor([start, float(place)]) for place in range(count)])


def tiles(start: float, count: int) -> torch.Tensor:
    """One tile for each vector."""
    return rows(start, count).unsqueeze(1)


# As the towers of Qwen3-VL, InternVL, Ovis2 and Llama 4 give them, and one that gives several tiles as a list.
OUTPUTS: dict[str, Any] = {
    "list": lambda start, n: {"pooler_output": (rows(start, n),)},
    "layers": lambda start, n: {
        "pooler_output": (rows(start, n),),
        "deepstack_features": [(rows(start + 10, n),), (rows(start + 20, n),)],
    },
    "tensor": lambda start, n: {"pooler_output": tiles(start, n)},
    "tiles": lambda start, n: {"pooler_output": list(tiles(start, n))},
    "shared": lambda start, n: {"pooler_output": tiles(start, n), "indicators": rows(99, 2)},
    "unpooled": lambda start, n: {"last_hidden_state": tiles(start, n)},
}


def looked(kind: str) -> dict[str, VisionFeatures]:
    """What a tower of that kind says of the pictures."""
    features = {}
    for start, (name, size) in enumerate(SIZES.items()):
        output = {**OUTPUTS[kind](start, size), "hidden_states": (torch.ones(9),), "attentions": None}
        features[name] = VisionFeatures.of(
            output, {"image_grid_thw": torch.tensor([[1, 1, size]]), "pixels": rows(0, 1)}
        )
    return features


def same(one: Any, other: Any) -> bool:
    """Whether fields are of one shape and value."""
    if isinstance(one, torch.Tensor):
        return isinstance(other, torch.Tensor) and torch.equal(one, other)
    return isinstance(other, list) and len(one) == len(other) and all(map(same, one, other))


@pytest.mark.parametrize("kind", OUTPUTS)
def test_features_survive_their_file(kind: str) -> None:
    kept = looked(kind)
    read = features_from_tensors(load(save(features_to_tensors(kept))))
    assert read.keys() == kept.keys()
    for name, features in kept.items():
        assert features.vectors == read[name].vectors == SIZES[name]
        assert read[name].inputs.keys() == {"image_grid_thw"}
        assert read[name].output.keys() == features.output.keys()
        assert all(same(features.output[field], read[name].output[field]) for field in features.output)


@pytest.mark.parametrize("kind", OUTPUTS)
def test_a_batch_is_given_as_the_tower_gives_it(kind: str) -> None:
    given = vision_inputs(list(looked(kind).values()), "any", CPU)
    assert given["image_grid_thw"].tolist() == [[1, 1, 3], [1, 1, 5]]
    output = given["mm_encoder_outputs"]["image"]
    assert "hidden_states" not in output
    both = [rows(0, 3), rows(1, 5)]
    match kind:
        case "list":
            assert same(both, output.pooler_output)
        case "layers":
            assert same(both, output.pooler_output)
            layers = [[rows(start, 3), rows(start + 1, 5)] for start in (10, 20)]
            assert same(layers, output.deepstack_features)
        case "tensor":
            assert same(torch.cat(both).unsqueeze(1), output.pooler_output)
        case "tiles":
            assert same(list(torch.cat(both).unsqueeze(1)), output.pooler_output)
        case "shared":
            assert same(rows(99, 2), output.indicators[:2])
        case "unpooled":
            assert same(torch.cat(both).unsqueeze(1), output.last_hidden_state)


@pytest.mark.parametrize(("family", "one_tensor"), [("qwen3_vl", False), ("internvl", True)])
def test_features_of_the_first_versions_are_read(family: str, one_tensor: bool) -> None:
    tensors = {}
    for start, (name, size) in enumerate(SIZES.items()):
        tensors[f"{name}|pooled"] = rows(start, size)
        tensors[f"{name}|deepstack.000"] = rows(start + 10, size)
        tensors[f"{name}|deepstack.001"] = rows(start + 20, size)
        tensors[f"{name}|inputs.image_grid_thw"] = torch.tensor([[1, 1, size]])
    read = features_from_tensors(tensors)
    assert [feature.vectors for feature in read.values()] == [3, 5]
    output = vision_inputs(list(read.values()), family, CPU)["mm_encoder_outputs"]["image"]
    both = [rows(0, 3), rows(1, 5)]
    assert same(torch.cat(both) if one_tensor else both, output.pooler_output)
    assert same([[rows(start, 3), rows(start + 1, 5)] for start in (10, 20)], output.deepstack_features)
    # Written anew, they are what they were.
    assert same(
        list(features_to_tensors(read).values()),
        list(features_to_tensors(features_from_tensors(features_to_tensors(read))).values()),
    )


def test_a_tower_without_vectors_is_refused() -> None:
    with pytest.raises(ValueError, match="its vision tower gives neither pooler_output nor last_hidden_state"):
        VisionFeatures.of({"hidden_states": (rows(0, 2),)}, {})
