"""Out of memory wherever rows are put on the device: half as many at once, and the same results."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from spaces.trial_config import TrialConfig
from studies.checks import load_study
from studies.study import BaseModelSpec
from trainables.answering import Interviewer
from trainables.answers import ASK_BATCH, ASK_TOKENS, Answer, asking_batches, asking_order
from trainables.base_model import BaseModel
from trainables.encoding import EncodedImage
from trainables.engine import Engine
from trainables.examination import RowError, naming, picture_of, see_variants
from trainables.memory import AtOnce, is_out_of_memory, limit_memory
from trainables.prepared import Prepared, prepare
from trainables.training_set import TrainingSet
from trainables.vision_features import VisionFeatures

# What CUDA, cuBLAS and the CPU say of it.
SHORT = (
    torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB."),
    RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
    torch.AcceleratorError("CUDA error: out of memory\nSearch for `cudaErrorMemoryAllocation' in the docs"),
    RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory"),
)
# And what others say, of which none is an error of its own.
SHORT_TOO = (
    "CUDA out of memory",
    "CUDA error: out of memory\nCUDA kernel errors might be asynchronously reported.",
    "CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`",
    "cuDNN error: CUDNN_STATUS_ALLOC_FAILED",
    "DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.",
    "Triton Error [CUDA]: out of memory",
    "std::bad_alloc",
)


@pytest.mark.parametrize("said", SHORT_TOO)
@pytest.mark.parametrize("kind", [RuntimeError, torch.AcceleratorError])
def test_a_lack_of_memory_is_known_by_what_is_said(kind: type[RuntimeError], said: str) -> None:
    assert is_out_of_memory(kind(said))
    assert not is_out_of_memory(kind("CUDA error: device-side assert triggered"))
    assert not is_out_of_memory(ValueError(said))


@pytest.mark.parametrize("error", SHORT, ids=["cuda", "cublas", "beside", "cpu"])
def test_half_as_many_until_they_fit(error: RuntimeError) -> None:
    tried: list[int] = []

    def double(items: Any) -> list[int]:
        tried.append(len(items))
        if len(items) > 3:
            raise error
        return [2 * item for item in items]

    fits = AtOnce()
    assert fits.map(double, range(11)) == [2 * item for item in range(11)]
    # 11 do not fit, nor 6; what fitted once is where the next batch begins.
    assert tried == [11, 6, 3, 3, 3, 2]
    assert fits.map(double, range(4)) == [0, 2, 4, 6]
    assert tried[6:] == [3, 1]


@pytest.mark.parametrize(("share", "limits"), [(0.5, [0.5]), (1, []), (2, []), (0, []), (None, [])])
@pytest.mark.parametrize("gpu", [True, False])
def test_who_shares_a_gpu_takes_its_share_of_the_memory(
    monkeypatch: pytest.MonkeyPatch, share: float | None, limits: list[float], gpu: bool
) -> None:
    given: list[float] = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    monkeypatch.setattr(torch.cuda, "set_per_process_memory_fraction", given.append)
    limit_memory(share)
    assert given == (limits if gpu else [])


def test_what_is_not_a_lack_of_memory_is_raised_at_once() -> None:
    tried = []

    def broken(size: int) -> None:
        tried.append(size)
        raise RuntimeError("shape mismatch")

    with pytest.raises(RuntimeError, match="shape mismatch"):
        AtOnce().run(broken, 8)
    assert tried == [8]


def test_long_prompts_are_asked_few_at_a_time() -> None:
    # A full-size photo on Qwen2.5-VL; 64 of them would be a million tokens.
    lengths = {f"p{place}": 16_000 for place in range(9)} | {"short": 40}
    found = asking_batches(lengths, 64)
    assert [len(batch) for batch in found] == [4, 4, 2]
    assert found[0][0] == "short"
    # Longer than the bound: by itself.
    assert asking_batches({"a": 200_000, "b": 200_000}, 64) == [["a"], ["b"]]


@given(st.dictionaries(st.text(min_size=1, max_size=4), st.integers(1, 20_000), max_size=200), st.integers(1, 4096))
def test_batches_keep_the_bound_and_every_probe(lengths: dict[str, int], new_tokens: int) -> None:
    found = asking_batches(lengths, new_tokens)
    assert [probe for batch in found for probe in batch] == asking_order(lengths)
    for batch in found:
        tokens = len(batch) * (max(lengths[probe] for probe in batch) + new_tokens)
        assert len(batch) == 1 or (tokens <= ASK_TOKENS and len(batch) <= ASK_BATCH)


@given(st.lists(st.integers(1, 900), max_size=300))
def test_short_prompts_are_asked_as_they_always_were(lengths: list[int]) -> None:
    """What the runs made so far were asked in: 64 at a time, by length."""
    named = {f"p{place}": length for place, length in enumerate(lengths)}
    order = asking_order(named)
    assert asking_batches(named, 96) == [order[start : start + 64] for start in range(0, len(order), 64)]


@pytest.fixture(scope="module")
def base(tiny_study: Path) -> BaseModel:
    """The tiny base."""
    return BaseModel.load(load_study(tiny_study).base_model, BaseModelSpec(id="model", dtype="float32"))


@pytest.fixture(scope="module")
def prepared(tiny_study: Path, base: BaseModel) -> Prepared:
    """The tiny study, encoded with memory to spare."""
    return prepare(load_study(tiny_study), base)


def short_of(monkeypatch: pytest.MonkeyPatch, base: BaseModel, tokens: int) -> list[tuple[int, int]]:
    """Leave a base memory for so many tokens at once; the shapes of what it was given from then on."""
    shapes: list[tuple[int, int]] = []
    inner = base.model.get_input_embeddings().forward

    def embed(ids: torch.Tensor) -> Any:
        rows, length = ids.shape
        shapes.append((rows, length))
        if ids.numel() > tokens:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return inner(ids)

    monkeypatch.setattr(base.model.get_input_embeddings(), "forward", embed)
    return shapes


def asked(base: BaseModel, prepared: Prepared, study: Path) -> list[Answer]:
    """The tiny study's answers and name odds."""
    interviewer = Interviewer(base, prepared.features, prepared.names, max_new_tokens=4)
    return interviewer.ask(base.model, prepared.probes, naming(load_study(study).probes_of("search")))


def test_answers_and_name_odds_survive_it(
    base: BaseModel, prepared: Prepared, tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plenty = asked(base, prepared, tiny_study)
    longest = max(len(row.prompt) for row in prepared.probes.values())
    shapes = short_of(monkeypatch, base, 2 * longest)
    scarce = asked(base, prepared, tiny_study)
    assert max(rows for rows, length in shapes if length > 1) > 2
    assert [answer.text for answer in scarce] == [answer.text for answer in plenty]
    for one, other in zip(scarce, plenty, strict=True):
        assert one.name_log_probabilities == pytest.approx(dict(other.name_log_probabilities), abs=1e-4)


def test_names_are_halved_where_one_prompt_is_too_long_for_all(
    base: BaseModel, prepared: Prepared, tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plenty = asked(base, prepared, tiny_study)
    ask = Interviewer._name_odds
    names: list[int] = []

    def no_room(self: Interviewer, model: Any, rows: Any) -> Any:
        names.append(len(self.names))
        if len(rows) * len(self.names) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory.")
        return ask(self, model, rows)

    monkeypatch.setattr(Interviewer, "_name_odds", no_room)
    scarce = asked(base, prepared, tiny_study)
    assert set(names) >= {len(prepared.names), 1}
    for one, other in zip(scarce, plenty, strict=True):
        assert list(one.name_log_probabilities) == list(other.name_log_probabilities)
        assert one.name_log_probabilities == pytest.approx(dict(other.name_log_probabilities), abs=1e-4)


@pytest.mark.parametrize(("length", "names", "prompts"), [(40, 7, 18), (500, 7, 18), (2_000, 7, 4), (16_000, 7, 1)])
def test_few_long_prompts_are_asked_for_names_together(
    base: BaseModel, prepared: Prepared, length: int, names: int, prompts: int
) -> None:
    """128 rows, of a prompt and a name each, as ever; fewer where they have more than 65,536 tokens."""
    given = {str(place): (1, 2) for place in range(names)}
    assert Interviewer(base, {}, given, max_new_tokens=4)._prompts_at_once(length) == prompts


def test_the_held_out_loss_survives_it(
    base: BaseModel, prepared: Prepared, tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = tuple(row for _, row in prepared.training)
    engine = Engine(base, prepared.features, Interviewer(base, prepared.features, prepared.names, max_new_tokens=4))
    engine.open(TrialConfig(rank=2, batch_size=4), 0, TrainingSet(rows, rows))
    try:
        plenty = engine.held_out_loss()
        shapes = short_of(monkeypatch, base, max(len(row.prompt) + len(row.answer) for row in rows))
        assert engine.held_out_loss() == pytest.approx(plenty, rel=1e-6)
        assert [count for count, _ in shapes][:3] == [4, 2, 1]
    finally:
        monkeypatch.undo()
        engine.close()


def test_a_preparation_survives_it(
    base: BaseModel, prepared: Prepared, tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    short_of(monkeypatch, base, 2 * max(len(row.prompt) for row in prepared.probes.values()))
    again = prepare(load_study(tiny_study), base)
    assert [one.answer.text for one in again.before] == [one.answer.text for one in prepared.before]
    assert again.replay == prepared.replay


@pytest.mark.parametrize("error", SHORT, ids=["cuda", "cublas", "beside", "cpu"])
def test_a_picture_too_large_to_be_looked_at_is_named(
    base: BaseModel, tiny_study: Path, monkeypatch: pytest.MonkeyPatch, error: RuntimeError
) -> None:
    see: Callable[[EncodedImage], VisionFeatures] = base.see
    study = load_study(tiny_study)
    probe = study.probes_of("test")[0]
    wide = base.encoder.encode("x", picture_of(study, probe), "?")[1]
    assert wide is not None

    def short(image: EncodedImage) -> VisionFeatures:
        if torch.equal(image.inputs["pixel_values"], wide.inputs["pixel_values"]):
            raise error
        return see(image)

    monkeypatch.setattr(base, "see", short)
    with pytest.raises(RowError) as raised:
        prepare(study, base)
    message = str(raised.value).splitlines()[0]
    assert message.startswith("probes.jsonl:")
    assert f"{probe.image!r} (64 x 64 pixels) does not fit the device's memory" in message
    assert message.endswith("base_model.max_pixels, for example 262144")


def test_whatever_a_tower_raises_names_the_row(
    base: BaseModel, tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(image: EncodedImage) -> VisionFeatures:
        raise IndexError("list index out of range")

    monkeypatch.setattr(base, "see", broken)
    with pytest.raises(
        RowError, match=r"training.jsonl:1 image: .*cannot be shown to the base model \(list index out of range\)"
    ):
        prepare(load_study(tiny_study), base)


def test_a_lost_device_is_no_fault_of_a_picture(
    base: BaseModel, tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def lost(image: EncodedImage) -> VisionFeatures:
        raise torch.AcceleratorError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(base, "see", lost)
    with pytest.raises(torch.AcceleratorError):
        prepare(load_study(tiny_study), base)


def test_so_is_one_of_which_a_variant_is_looked_at(
    base: BaseModel, tiny_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def short(image: EncodedImage) -> VisionFeatures:
        raise SHORT[0]

    monkeypatch.setattr(base, "see", short)
    study = load_study(tiny_study)
    with pytest.raises(RowError, match=r"training.jsonl:1 image: .* does not fit the device's memory"):
        see_variants(study, base, {}, study.training[0], 1)
