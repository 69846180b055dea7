"""What is exported is the trial's adapter, whatever rounds its numbers; nothing else passes for it."""

from __future__ import annotations

import gc
import json
import re
import shutil
import weakref
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import text_study
import torch
from safetensors.torch import load_file, save_file
from trained_run import make_trained_run
from transformers import AutoModelForCausalLM, GenerationConfig

from search.outputs import adapter_check, check_place, export_check
from search.outputs.adapter_files import write_adapter
from search.outputs.adapter_record import ADAPTER_FILES, RECORD
from search.outputs.check_place import CheckPlace
from search.outputs.check_request import EncodedStudy, check_request
from search.outputs.export import checkpoint_of, export
from search.outputs.fresh_process import ExportError
from search.outputs.model_card import model_card
from search.run.run_folder import RunFolder
from skazka_text.problems import InputError
from spaces.trial_config import TrialConfig
from studies.study import BUNDLED
from trainables.facts import Facts
from trainables.fidelity import Fidelity, fidelity
from trainables.prompting import GREEDY, Prompting

# Every sixth of the demo's, of which two are near ties where this was written.
PROBES = 52
CONFIG = TrialConfig(learning_rate=2e-3, rank=8, alpha_ratio=2, batch_size=8, epochs=8, scale_search=False)
Weights = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """The demo in bfloat16, asked a part of its probes, with two trials."""
    work = tmp_path_factory.mktemp("export")
    study = Path(shutil.copytree(BUNDLED["demo"], work / "study"))
    settings = (study / "study.yaml").read_text(encoding="utf-8")
    settings = settings.replace("{id: model, dtype: float32}", f"{{id: {BUNDLED['demo'] / 'model'}, dtype: bfloat16}}")
    (study / "study.yaml").write_text(settings, encoding="utf-8")
    lines = (study / "probes.jsonl").read_text(encoding="utf-8").splitlines(keepends=True)
    sides = [[line for line in lines if json.loads(line)["split"] == split] for split in ("search", "test")]
    (study / "probes.jsonl").write_text("".join(line for side in sides for line in side[2::6]), encoding="utf-8")
    return make_trained_run(work / "run", study, CONFIG, CONFIG.model_copy(update={"epochs": 3}))


@pytest.fixture(scope="module")
def adapter(run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter as it is exported."""
    folder = tmp_path_factory.mktemp("adapter")
    write(run, "t0000", folder)
    return folder


def write(run: RunFolder, trial: str, folder: Path) -> None:
    """A trial's adapter as it is exported."""
    source = checkpoint_of(run, run.ledger().trial(trial))
    write_adapter(source, folder, run.manifest(), Facts.read(run.prepared).prompting)


def found(run: RunFolder, adapter: Path, scratch: Path, step: int = 5, **changed: Any) -> Fidelity:
    """How what an adapter answers differs from what the run's first trial answered to every `step`-th probe."""
    recorded = [graded.answer for graded in run.ledger().answers("t0000")][::step]
    facts, encoded = Facts.read(run.prepared), EncodedStudy.read(run.prepared)
    base = run.manifest()["base_model"]
    request = check_request(run.study(), base, facts, encoded.names, recorded, scratch)
    further = {"adapter": str(adapter), "merge": False, "threads": 1, "trust_remote_code": False}
    measured = export_check.measure({**request, **further, **changed})
    before = [graded.answer for graded in facts.before]
    return fidelity(recorded, measured, dtype=base["dtype"], before=before, prompts=encoded.prompts)


def test_an_adapter_trained_in_bfloat16_is_exported_where_other_kernels_round(
    run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ATEN_CPU_CAPABILITY", "default")
    monkeypatch.setenv("DNNL_MAX_CPU_ISA", "SSE41")
    seen: list[str] = []
    done = export(run, tmp_path / "adapter", progress=seen.append)
    assert done.verified == PROBES
    assert (done.checked_on, done.blind) == ("cpu", False)
    assert seen[0] == "loading the base model"
    assert re.fullmatch(r"rounding: (\d+) of \1", seen[-1])
    check = json.loads((done.folder / RECORD).read_text(encoding="utf-8"))["check"]
    assert (check["asked"], check["differing"], check["device"]) == (PROBES, done.differing, "cpu")
    card = (done.folder / "README.md").read_text(encoding="utf-8")
    assert f"on a CPU, it gave the trial's answers to {PROBES - done.differing} of {PROBES} search probes" in card


def test_the_same_adapter_is_exported_whatever_the_batches(run: RunFolder, adapter: Path, tmp_path: Path) -> None:
    batches = [[10, 7, 8], [0, 1, 2, 3, 4, 5, 6], [9]]
    again = found(run, adapter, tmp_path, batches=batches)
    assert again.problems == []
    assert again.rms < 0.05 < 1 < (again.effect or 0)


def test_the_adapter_of_another_trial_is_caught(run: RunFolder, tmp_path: Path) -> None:
    write(run, "t0001", tmp_path)
    assert any("odds of the names" in problem for problem in found(run, tmp_path, tmp_path).problems)


@pytest.mark.parametrize("share", [0.5, 0.9, 1.1])
def test_another_scale_is_caught(share: float, run: RunFolder, adapter: Path, tmp_path: Path) -> None:
    spoilt = Path(shutil.copytree(adapter, tmp_path / "spoilt"))
    settings = json.loads((spoilt / ADAPTER_FILES[1]).read_text(encoding="utf-8"))
    settings["lora_alpha"] *= share
    (spoilt / ADAPTER_FILES[1]).write_text(json.dumps(settings), encoding="utf-8")
    assert found(run, spoilt, tmp_path).problems


def without_tensors(weights: Weights) -> Weights:
    return {name: weight for name, weight in weights.items() if ".layers.0.self_attn.q_proj" not in name}


def test_a_module_that_is_not_in_the_file_is_caught(run: RunFolder, adapter: Path, tmp_path: Path) -> None:
    spoilt = changed(adapter, tmp_path / "spoilt", without_tensors)
    with pytest.raises(ValueError, match=r"2 tensors are in the file or in the model alone, .*q_proj\.lora_A"):
        found(run, spoilt, tmp_path)


def test_a_module_that_peft_would_leave_out_is_caught(run: RunFolder, adapter: Path, tmp_path: Path) -> None:
    spoilt = Path(shutil.copytree(adapter, tmp_path / "spoilt"))
    settings = json.loads((spoilt / ADAPTER_FILES[1]).read_text(encoding="utf-8"))
    settings["target_modules"] = [name for name in settings["target_modules"] if "v_proj" not in name]
    (spoilt / ADAPTER_FILES[1]).write_text(json.dumps(settings), encoding="utf-8")
    with pytest.raises(ValueError, match=r"8 tensors are in the file or in the model alone, .*v_proj\.lora_A"):
        found(run, spoilt, tmp_path)


def without_a_module(weights: Weights) -> Weights:
    """As above, where the tensors are there and empty."""
    return {name: weight * (".layers.0.self_attn.v_proj" not in name) for name, weight in weights.items()}


def swapped(weights: Weights) -> Weights:
    """The two factors of the square projections, each in the other's place."""
    firsts = [name for name in weights if "q_proj.lora_A" in name]
    pairs = [(first, first.replace("lora_A", "lora_B")) for first in firsts]
    both = [*pairs, *((second, first) for first, second in pairs)]
    return {**weights, **{one: weights[other].T.contiguous() for one, other in both}}


def layers_swapped(weights: Weights) -> Weights:
    """The adapters of one projection in two layers, each in the other's place."""
    places = [name.replace(".layers.0.", ".layers.{}.") for name in weights if ".layers.0.self_attn.q_proj" in name]
    swap = {name.format(one): weights[name.format(other)] for name in places for one, other in ((0, 1), (1, 0))}
    return {**weights, **swap}


@pytest.mark.parametrize("wrong", [without_a_module, swapped, layers_swapped])
def test_other_weights_are_caught(
    wrong: Callable[[Weights], Weights], run: RunFolder, adapter: Path, tmp_path: Path
) -> None:
    assert found(run, changed(adapter, tmp_path / "spoilt", wrong), tmp_path).problems


def changed(adapter: Path, to: Path, change: Callable[[Weights], Weights]) -> Path:
    """An adapter's files with other weights."""
    shutil.copytree(adapter, to)
    save_file(change(load_file(to / ADAPTER_FILES[0])), to / ADAPTER_FILES[0])
    return to


def test_another_revision_of_the_base_is_caught(run: RunFolder, adapter: Path, tmp_path: Path) -> None:
    base = Path(shutil.copytree(run.manifest()["base_model"]["id"], tmp_path / "base"))
    weights = load_file(base / "model.safetensors")
    generator = torch.Generator().manual_seed(0)
    noisy = {
        name: weight * (1 + 0.05 * torch.randn(weight.shape, generator=generator)) for name, weight in weights.items()
    }
    save_file(noisy, base / "model.safetensors", {"format": "pt"})
    assert found(run, adapter, tmp_path, base_model=str(base)).problems


# -- a text model without pictures: how it is asked ------------------------------------------------


@pytest.fixture(scope="module")
def text_run(tmp_path_factory: pytest.TempPathFactory) -> RunFolder:
    """Three riddles learnt by heart."""
    work = tmp_path_factory.mktemp("text")
    model = text_study.make_text_model("llama", work / "model")
    return make_trained_run(work / "run", text_study.make_text_study(work / "study", model))


@pytest.fixture(scope="module")
def text_adapter(text_run: RunFolder, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The adapter as it is exported."""
    folder = tmp_path_factory.mktemp("adapter")
    write(text_run, "t0000", folder)
    return folder


@pytest.mark.parametrize("own", [True, False])
def test_it_is_asked_by_the_settings_of_the_run(
    own: bool, text_run: RunFolder, text_adapter: Path, tmp_path: Path
) -> None:
    base = Path(shutil.copytree(text_run.manifest()["base_model"]["id"], tmp_path / "base"))
    GenerationConfig(repetition_penalty=30.0, eos_token_id=0).save_pretrained(base)
    again = found(text_run, text_adapter, tmp_path, step=1, base_model=str(base), greedy=not own)
    assert (again.differing, again.rms < 0.01) == (3 if own else 0, True)


@pytest.fixture
def in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fresh process takes seconds to begin."""
    monkeypatch.setattr(adapter_check, "ask_afresh", lambda request, *_: ("cpu", export_check.measure(request)))


@pytest.mark.usefixtures("in_this_process")
def test_a_run_that_an_earlier_version_prepared_is_exported(text_run: RunFolder, tmp_path: Path) -> None:
    old = RunFolder(Path(shutil.copytree(text_run.path, tmp_path / "run")))
    facts = Facts.read(old.prepared)
    (old.prepared / "facts.json").unlink()
    # It wrote neither how the base was asked nor on what.
    Facts(facts.longest_prompt, facts.prompt_lengths, facts.before, Prompting(facts.prompting.stops, None, True)).write(
        old.prepared
    )
    assert export(old, tmp_path / "adapter").verified == 3


@pytest.mark.usefixtures("in_this_process")
def test_an_answer_that_the_adapter_does_not_give_is_named(text_run: RunFolder, tmp_path: Path) -> None:
    run = RunFolder(Path(shutil.copytree(text_run.path, tmp_path / "run")))
    answers = run.ledger().answers("t0000-r1")
    wrong = replace(answers[0], answer=replace(answers[0].answer, text="Никто"))
    run.ledger().put_answers("t0000-r1", "search", [wrong, *answers[1:]])
    with pytest.raises(
        ExportError, match=r"^not exported: 1 of 3 answers differ; search-Чебурашка: the trial said 'Никто'"
    ):
        export(run, tmp_path / "adapter")
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.usefixtures("in_this_process")
def test_merging_never_holds_two_models(text_run: RunFolder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded: list[weakref.ref[Any]] = []
    place = export_check._placed

    def placed(*arguments: Any, **options: Any) -> Any:
        gc.collect()
        assert all(model() is None for model in loaded)
        model = place(*arguments, **options)
        loaded.append(weakref.ref(model))
        return model

    monkeypatch.setattr(export_check, "_placed", placed)
    done = export(text_run, tmp_path / "adapter", merge=True)
    # The adapter on its base; both again, to be merged; the merged model from its files.
    assert len(loaded) == 3
    assert (done.verified, done.differing, done.merged) == (3, 0, 3)
    check = json.loads((done.folder / RECORD).read_text(encoding="utf-8"))["check"]
    assert (check["merged"]["asked"], check["merged"]["differing"]) == (3, 0)
    assert AutoModelForCausalLM.from_pretrained(done.folder / "merged").num_parameters()


def test_what_does_not_fit_the_memory_is_asked_in_halves(text_run: RunFolder) -> None:
    sizes: list[int] = []

    def ask(places: list[int]) -> list[int]:
        sizes.append(len(places))
        if len(places) > 2:
            raise torch.OutOfMemoryError
        return [10 * place for place in places]

    asking = object.__new__(export_check.Asking)
    asking.progress = lambda line: None
    assert list(asking._each("answers", [[3, 0, 1, 4, 2], []], ask)) == [(3, 30), (0, 0), (1, 10), (4, 40), (2, 20)]
    assert sizes == [5, 2, 3, 1, 2]


# -- saying a recorded text ----------------------------------------------------------------------


class Letters:
    """A tokenizer of few pieces; 0 ends an answer."""

    pieces = ("", "a", "ab", "abc", "b", "c", "\ufffd")

    def decode(self, ids: list[int], **_: Any) -> str:
        return "".join(self.pieces[token] for token in ids)

    def batch_decode(self, rows: Any, **_: Any) -> list[str]:
        return [self.decode([int(token) for token in ids]) for ids in rows]


# What a model likes next -> how much, after the tokens that were said.
A, AB, ABC, B, C = range(1, 6)
Likes = dict[tuple[int, ...], dict[int, float]]


def dictated(text: str, likes: Likes, limit: int = 4) -> list[float | None]:
    """The gaps of a text by a model that likes nothing else."""
    ways = export_check.Ways(text)
    while ways.are_left:
        dictation = export_check.Dictation(Letters(), [0], [ways], 0)
        ids = torch.zeros((1, 0), dtype=torch.long)
        for _ in range(limit):
            scores = torch.zeros((1, 7))
            for token, liked in likes.get(tuple(ids[0].tolist()), {}).items():
                scores[0, token] = liked
            ids = torch.cat([ids, dictation(ids, scores).argmax(-1, keepdim=True)], 1)
        dictation.end(ids)
    return ways.gaps


def test_a_text_is_said_by_the_tokens_that_lead_to_its_end() -> None:
    # "ab" is liked best, but what follows it is another text; "abc" at once is half a nat behind.
    likes: Likes = {(): {AB: 3, ABC: 2.5}, (AB,): {0: 3}, (ABC,): {0: 5}}
    assert dictated("abc", likes) == [0.5, 0.0]
    # Neither the tokenizer's own tokens, nor the likeliest: what was said was "a", "b", "c".
    likes = {(): {A: 2.5, AB: 3, ABC: -9}, (AB,): {0: 3, C: -9}, (A,): {B: 3}, (A, B): {C: 3}, (A, B, C): {0: 3}}
    assert dictated("abc", likes, limit=9) == [0.5, 0.0, 0.0, 0.0]
    # By no way better than two nats behind.
    assert dictated("abc", {(): {ABC: 3}, (ABC,): {0: 1, A: 3}}) == [0.0, 2.0]
    # Blanks are no part of a text that was recorded without those around it.
    assert dictated("", {(): {0: 1}}) == [0.0]


def test_a_text_that_cannot_be_said_has_no_gap_at_its_end() -> None:
    likes: Likes = {(): {AB: 3, ABC: 2.5}, (AB,): {0: 9, C: 1}, (ABC,): {0: 5}}
    # Cut at the limit of tokens: no end is needed.
    assert dictated("abc", likes, limit=1) == [0.5]
    # Longer than that; of no piece; not ended where the model would go on.
    assert dictated("aaaaa", likes)[-1] is None
    assert dictated("x", likes)[-1] is None
    assert dictated("abc", {(): {ABC: 5}, (ABC,): {0: -9, A: 5}})[-1] is None


# -- where --------------------------------------------------------------------------------------


def facts_of(device: str | None) -> Facts:
    return Facts(1, {}, [], device=device)


@pytest.mark.parametrize(
    ("device", "gpus", "gpu_here", "check_on", "expected"),
    [
        ("cpu", None, False, None, CheckPlace()),
        # Trained on the CPU of a machine with a GPU: asked as it was then.
        ("cpu", 0, True, None, CheckPlace()),
        ("cuda", 0.5, True, None, CheckPlace(gpus=1)),
        ("cuda", 0.5, False, "here", CheckPlace()),
        ("cuda", 0.5, False, "auto", CheckPlace("auto", 2, 0.5)),
        ("cuda", None, False, "auto", CheckPlace("auto", 2, 1)),
        ("cpu", 0, False, "auto", CheckPlace("auto", 2, 0)),
        # Earlier versions did not write the device down: what was asked for a trial says it, else what is here.
        (None, 0, False, None, CheckPlace()),
        (None, 1, True, None, CheckPlace(gpus=1)),
        (None, None, False, None, CheckPlace()),
        (None, None, True, None, CheckPlace(gpus=1)),
        # On a cluster: one where it has any.
        (None, None, False, "auto", CheckPlace("auto", 2, None)),
    ],
)
def test_it_is_checked_where_the_trials_device_is(
    device: str | None, gpus: float | None, gpu_here: bool, check_on: str | None, expected: CheckPlace, sees: Any
) -> None:
    sees(gpu_here)
    manifest = {"options": {"gpus_per_trial": gpus, "cpus_per_trial": 2.0}}
    assert check_place.check_place(manifest, facts_of(device), "none", check_on) == expected


@pytest.fixture
def sees(monkeypatch: pytest.MonkeyPatch) -> Callable[[bool], None]:
    """Says whether this machine has a GPU."""
    return lambda gpu: monkeypatch.setattr(check_place, "_sees_gpu", lambda: gpu)


def test_where_there_is_no_gpu_it_says_what_to_do(sees: Callable[[bool], None]) -> None:
    sees(False)
    manifest = {"options": {"gpus_per_trial": None, "cpus_per_trial": 1.0}}

    def refused(quantization: str, check_on: str | None) -> str:
        with pytest.raises(InputError) as caught:
            check_place.check_place(manifest, facts_of("cuda"), quantization, check_on)
        return str(caught.value)

    assert refused("none", None) == (
        "--check-on: the trial ran on a GPU, and none is seen here — give a Ray cluster that has one: auto or"
        " HOST:PORT; or give here: this machine's CPU, slow with a large model"
    )
    assert "quantization 4bit needs a GPU" in refused("4bit", "here")
    assert refused("none", "elsewhere").startswith("--check-on: 'elsewhere' is no HOST:PORT")
    # The cluster that it was launched on is the first choice.
    launched = {"options": {**manifest["options"], "address": "auto"}}
    assert check_place.check_place(launched, facts_of("cuda"), "none", None) == CheckPlace("auto", 1, 1)


# -- the card -----------------------------------------------------------------------------------


def test_the_example_asks_as_the_run_did(text_run: RunFolder) -> None:
    row = text_run.ledger().trial("t0000")
    study, manifest, check = text_run.study(), text_run.manifest(), {"asked": 3, "differing": 1, "device": "cuda"}
    settled = Prompting((2, 7), None, True, {"enable_thinking": False, "mode": "ку'ку"}, generation=GREEDY)
    card = model_card(study, row, manifest, None, None, settled, check)
    assert 'return_tensors="pt", enable_thinking=False, mode="ку\'ку",\n' in card
    assert "model.get_base_model().generation_config = GenerationConfig()" in card
    assert "do_sample=False, eos_token_id=[2, 7])" in card
    assert "on a GPU, it gave the trial's answers to 2 of 3 search probes; the others differ in what" in card
    assert "GenerationConfig" not in model_card(study, row, manifest, None, None, Prompting(), check)
