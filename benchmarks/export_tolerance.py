"""What rounding does to the answers of an exported adapter, and which wrong one is still caught: docs/export.md.

`python -m benchmarks.export_tolerance --work FOLDER --out FILE.json`: adapters of the demo, each measured as `skazka
export` does, by other kernels, in other batches, with numbers moved by an ulp; and then spoilt step by step.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import click
import torch
from safetensors.torch import load_file, save_file

from benchmarks.campaigns.good_inputs import manifest_of
from search.outputs import export_check
from search.outputs.adapter_files import write_adapter
from search.outputs.adapter_record import ADAPTER_FILES
from search.outputs.check_place import CheckPlace
from search.outputs.check_request import EncodedStudy, check_request
from search.outputs.fresh_process import ask_afresh
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from studies.study import BUNDLED, Study
from trainables.answering import Interviewer
from trainables.answers import Answer
from trainables.base_model import BaseModel
from trainables.engine import Engine
from trainables.examination import naming
from trainables.facts import Facts
from trainables.fidelity import Fidelity, fidelity
from trainables.prepared import prepare
from trainables.training_set import select

# Other kernels than this machine would take: PyTorch's plain ones, and oneDNN's without AVX.
KERNELS = {"ATEN_CPU_CAPABILITY": "default", "DNNL_MAX_CPU_ISA": "SSE41"}
# Three of them as the demo's own baselines, and one that is hardly trained.
CONFIGS = (
    {"learning_rate": 2e-3, "rank": 8, "alpha_ratio": 2, "epochs": 8},
    {"learning_rate": 2e-3, "rank": 16, "alpha_ratio": 1, "epochs": 6, "target_modules": "attention+mlp"},
    {"learning_rate": 5e-3, "rank": 4, "alpha_ratio": 1, "epochs": 5, "replay": True, "replay_ratio": 0.5},
    {"learning_rate": 1e-3, "rank": 32, "alpha_ratio": 1, "epochs": 4},
)
SCALES = (0.9, 0.95, 0.98, 0.99, 1.02, 1.1)
NOISES = (0.1, 0.03, 0.01)
BATCHES = (3, 16)
# Of the probes, a third is enough to catch what is wrong.
SPOILT_STEP = 3
Weights = dict[str, torch.Tensor]


@click.command()
@click.option("--work", type=click.Path(path_type=Path), required=True, help="Folder of the adapters.")
@click.option("--first-seed", default=0, show_default=True, help="Of the adapters.")
@click.option("--adapters", default=len(CONFIGS), show_default=True, type=click.IntRange(1, len(CONFIGS)))
@click.option("--dtype", default="bfloat16", show_default=True)
@click.option("--out", type=click.Path(path_type=Path), required=True)
def main(work: Path, first_seed: int, adapters: int, dtype: str, out: Path) -> None:
    """Train adapters, measure each as it is and spoilt, and write what was found."""
    torch.set_num_threads(1)
    workshop = Workshop.open(work, dtype)
    found: list[dict[str, Any]] = []
    trained = [workshop.train(seed, config) for seed, config in enumerate(CONFIGS[: adapters + 1], first_seed)]
    for place, adapter in enumerate(trained[:adapters]):
        another = trained[(place + 1) % len(trained)]
        for kind, what, measured in workshop.cases(adapter, another):
            found.append({"dtype": dtype, "adapter": adapter.seed, "kind": kind, "case": what, **row(measured)})
            click.echo(json.dumps(found[-1], ensure_ascii=False))
    out.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def row(measured: Fidelity) -> dict[str, Any]:
    """What is written of one measurement."""
    return {**measured.as_data(), "exported": not measured.problems}


@dataclass(frozen=True)
class Trained:
    """An adapter as it is exported, the one of an epoch earlier, and what the trial answered."""

    seed: int
    folder: Path
    earlier: Path
    recorded: Sequence[Answer]


@dataclass(frozen=True)
class Workshop:
    """A prepared study, of which adapters are trained and asked."""

    work: Path
    study: Study
    facts: Facts
    encoded: EncodedStudy
    engine: Engine
    prepared: Any

    @classmethod
    def open(cls, work: Path, dtype: str) -> Workshop:
        """The demo in a precision, in a folder that is made where it is missing."""
        shutil.copytree(BUNDLED["demo"], work / "study", dirs_exist_ok=True)
        settings = (work / "study" / "study.yaml").read_text(encoding="utf-8")
        (work / "study" / "study.yaml").write_text(settings.replace("dtype: float32", f"dtype: {dtype}"), "utf-8")
        study = load_study(work / "study")
        base = BaseModel.load(study.base_model, study.file.base_model)
        prepared = prepare(study, base)
        prepared.save(work / "prepared")
        tokens = study.file.evaluation.max_new_tokens
        interviewer = Interviewer(base, prepared.features, prepared.names, max_new_tokens=tokens)
        engine = Engine(base, prepared.features, interviewer)
        encoded = EncodedStudy.read(work / "prepared")
        return cls(work, study, Facts.read(work / "prepared"), encoded, engine, prepared)

    def train(self, seed: int, knobs: Mapping[str, Any]) -> Trained:
        """One adapter, asked after its last epoch."""
        config = TrialConfig(batch_size=8, scale_search=False, **knobs)
        self.engine.open(config, seed, select(config, self.prepared.training, self.prepared.replay, 0))
        folders = {}
        for epoch in range(1, config.epochs + 1):
            self.engine.train_epoch()
            if epoch >= config.epochs - 1:
                folders[epoch] = self._export(f"{seed}-{epoch}")
        recorded = self.engine.ask(self.prepared.probes, naming(self.study.probes_of("search")))
        self.engine.close()
        return Trained(seed, folders[config.epochs], folders[config.epochs - 1], recorded)

    def _export(self, name: str) -> Path:
        saved, exported = self.work / "saved" / name, self.work / "exported" / name
        exported.mkdir(parents=True)
        self.engine.save_adapter(str(saved))
        write_adapter(saved, exported, manifest_of(self.study), self.facts.prompting)
        return exported

    def cases(self, adapter: Trained, another: Trained) -> Iterator[tuple[str, str, Fidelity]]:
        """(kind, case, what was measured): what is the same adapter, and what is not."""
        yield "same", "as trained", self.measure(adapter)
        yield "same", "other kernels", self.measure_by_other_kernels(adapter)
        for rows in BATCHES:
            yield "same", f"batches of {rows}", self.measure(adapter, rows=rows)
        yield "same", "features moved", self.measure(adapter, move="multi_modal_projector")
        yield "same", "embeddings moved", self.measure(adapter, move="embed_tokens")
        fewer = replace(adapter, recorded=adapter.recorded[::SPOILT_STEP])
        for share in SCALES:
            yield "scale", f"{share:g}", self.measure(fewer, self.spoilt(adapter, scaled(share)))
        yield "module", "the least", self.measure(fewer, self.spoilt(adapter, without_least_module))
        yield "module", "A and B swapped", self.measure(fewer, self.spoilt(adapter, swapped))
        yield "trial", "an epoch earlier", self.measure(fewer, adapter.earlier)
        yield "trial", "another", self.measure(fewer, another.folder)
        for share in NOISES:
            yield "base", f"noise {share:g}", self.measure(fewer, base_model=str(self.noisy_base(share)))

    def request(self, adapter: Trained, folder: Path | None, scratch: Path) -> dict[str, Any]:
        """As `skazka export` asks."""
        base = manifest_of(self.study)["base_model"]
        request = check_request(self.study, base, self.facts, self.encoded.names, adapter.recorded, scratch)
        further = {"merge": False, "threads": 1, "trust_remote_code": False}
        return {**request, **further, "adapter": str(folder or adapter.folder)}

    def measure(
        self,
        adapter: Trained,
        folder: Path | None = None,
        *,
        rows: int | None = None,
        move: str | None = None,
        **changed: Any,
    ) -> Fidelity:
        """What is found of an adapter's files (default: the adapter's own) in this process."""
        request = {**self.request(adapter, folder, self.scratch()), **changed}
        if rows is not None:
            request |= {name: rebatched(request[name], rows) for name in ("batches", "naming")}
        model = export_check.adapted(request).eval()
        asking = export_check.Asking(request, model, export_check.processor_of(request), lambda line: None)
        with moving(model, move):
            return self.judged(adapter, asking.measured())

    def measure_by_other_kernels(self, adapter: Trained) -> Fidelity:
        """The same in a process that computes otherwise."""
        scratch = self.scratch()
        os.environ.update(KERNELS)
        try:
            request = self.request(adapter, None, scratch)
            _, measured = ask_afresh(request, scratch, CheckPlace(), scratch, lambda line: None)
            return self.judged(adapter, measured)
        finally:
            for name in KERNELS:
                del os.environ[name]

    def judged(self, adapter: Trained, measured: list[dict[str, Any]]) -> Fidelity:
        """The judgement of `skazka export`."""
        before = [graded.answer for graded in self.facts.before]
        dtype = self.study.file.base_model.dtype
        return fidelity(adapter.recorded, measured, dtype=dtype, before=before, prompts=self.encoded.prompts)

    def scratch(self) -> Path:
        """An empty folder."""
        folder = self.work / "scratch"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        return folder

    def spoilt(self, adapter: Trained, change: Callable[[Weights], Weights]) -> Path:
        """An adapter's files with other weights."""
        folder = self.work / "spoilt"
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(adapter.folder, folder)
        save_file(change(load_file(folder / ADAPTER_FILES[0])), folder / ADAPTER_FILES[0])
        return folder

    def noisy_base(self, share: float) -> Path:
        """The base with every weight moved by that share of it (standard deviation)."""
        folder = self.work / f"base-{share:g}"
        if not folder.exists():
            shutil.copytree(self.study.base_model, folder)
            weights = load_file(folder / "model.safetensors")
            generator = torch.Generator().manual_seed(0)
            noisy = {
                name: weight * (1 + share * torch.randn(weight.shape, generator=generator))
                for name, weight in weights.items()
            }
            save_file(noisy, folder / "model.safetensors", {"format": "pt"})
        return folder


def rebatched(batches: Sequence[Sequence[int]], rows: int) -> list[list[int]]:
    """The same places in batches of other sizes, none larger than before."""
    return [
        list(batch[start : start + rows]) for batch in batches for start in range(0, len(batch), min(rows, len(batch)))
    ]


@contextmanager
def moving(model: Any, part: str | None) -> Iterator[None]:
    """While it lasts, what the module of that name gives is moved by an ulp."""
    if part is None:
        yield
    else:
        (module,) = (module for name, module in model.named_modules() if name.endswith(f".{part}"))
        with export_check.moved(module):
            yield


def scaled(share: float) -> Callable[[Weights], Weights]:
    """A change of the adapter's scale."""
    return lambda weights: {name: weight * share if "lora_B" in name else weight for name, weight in weights.items()}


def without_least_module(weights: Weights) -> Weights:
    """Without the module that changes its layer's output the least."""
    seconds = {name: weight for name, weight in weights.items() if "lora_B" in name}
    least = min(seconds, key=lambda name: float((seconds[name] @ weights[name.replace("lora_B", "lora_A")]).norm()))
    return {**weights, least: torch.zeros_like(weights[least])}


def swapped(weights: Weights) -> Weights:
    """Of one square module, each factor in the place of the other."""
    first = next(name for name in weights if "q_proj.lora_A" in name)
    second = first.replace("lora_A", "lora_B")
    return {**weights, first: weights[second].T.contiguous(), second: weights[first].T.contiguous()}


if __name__ == "__main__":
    main()
