"""Asking a run's base and adapter about new pictures and questions."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import text_study
import yaml
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from trained_run import make_trained_run

import skazka
from benchmarks.campaigns import good_inputs, hostile_inputs
from benchmarks.campaigns.tiny import QUESTION, make_tiny_study
from search.outputs import asking
from search.outputs.adapter_record import ADAPTER_FILES, RECORD, exported_record
from search.outputs.asking import BEST, EXPORTED, MEDIAN, NAMED, odds_of
from search.run.run_folder import RunFolder
from skazka_text.problems import InputError
from studies.demo.drawing import draw
from studies.files import sha256_of
from studies.study import BUNDLED
from trainables.prompting import Prompting


def test_odds_are_shares_of_the_names_likeliest_first() -> None:
    found = odds_of({"a": math.log(0.01), "b": math.log(0.03)})
    assert list(found) == ["b", "a"]
    assert list(found.values()) == pytest.approx([0.75, 0.25])
    assert odds_of({"a": -2000.0, "b": -2000.0}) == {"a": 0.5, "b": 0.5}
    assert odds_of({}) == {}


@given(st.dictionaries(st.text(max_size=3), st.floats(-1e4, 0), min_size=1))
def test_odds_sum_to_one_in_the_order_of_the_log_probabilities(log_probabilities: dict[str, float]) -> None:
    found = odds_of(log_probabilities)
    assert sum(found.values()) == pytest.approx(1)
    ordered = [log_probabilities[name] for name in found]
    assert ordered == sorted(ordered, reverse=True)


# -- what is refused, before any model is loaded --------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A finished run whose adapter and base model are good only to be found."""
    good_inputs.make_study(tmp_path / "study")
    good_inputs.make_run(tmp_path / "run", tmp_path / "study", scored=True)
    return tmp_path / "run"


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """A picture that is good in every way."""
    path = tmp_path / "good.png"
    Image.new("RGB", (4, 4)).save(path)
    return path


@pytest.fixture
def unloaded(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, list[str]]]:
    """What a base model would have been asked: its place, and the pictures."""
    seen: list[tuple[str, list[str]]] = []

    def answers(subject: Any, probes: Any, name: str, trust: bool) -> tuple[list[Any], list[Any]]:
        seen.append((name, [probe.image for probe in probes]))
        return [], []

    def none(*_: object) -> tuple[()]:
        return ()

    monkeypatch.setattr(asking, "_answers", answers)
    monkeypatch.setattr(asking, "_replies", none)
    return seen


def refused(*arguments: Any, **options: Any) -> list[str]:
    with pytest.raises(InputError) as caught:
        asking.ask(*arguments, **options)
    return [str(problem) for problem in caught.value.problems]


def test_all_that_is_wrong_is_told_at_once(
    run: Path, picture: Path, tmp_path: Path, unloaded: list[tuple[str, list[str]]]
) -> None:
    (tmp_path / "text.png").write_text("no picture")
    pictures = [tmp_path / "text.png", picture, tmp_path / "nowhere.png", tmp_path]
    question, first, second, third = refused(run, pictures, question=" ")
    assert question.startswith("--question: ")
    assert first.startswith(f"PICTURE: {tmp_path}/text.png: text.png cannot be read as an image")
    assert second == f"PICTURE: no file '{tmp_path}/nowhere.png' — give the path of a picture"
    assert third == f"PICTURE: {tmp_path} is a folder — give its pictures: {tmp_path}/*"
    assert unloaded == []


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"trial": "t0009"}, "--trial: no finished trial 't0009' — use one of: t0000"),
        ({"trial": "t0001"}, "--trial: no finished trial 't0001'"),
        ({"base_model": "nowhere"}, "--base-model: nowhere is not there"),
        ({"base_model": "."}, "--base-model: "),
        ({"question": "\udcff"}, "--question: "),
        ({"question": "x" * 20_001}, "--question: "),
    ],
)
def test_what_is_refused(
    run: Path,
    picture: Path,
    options: dict[str, str],
    said: str,
    monkeypatch: pytest.MonkeyPatch,
    unloaded: list[tuple[str, list[str]]],
) -> None:
    # A folder of few files, to be hashed.
    (run.parent / "empty").mkdir()
    monkeypatch.chdir(run.parent / "empty")
    (problem,) = refused(run, [picture], **options)
    assert problem.startswith(said)
    assert unloaded == []


def test_a_study_with_pictures_is_asked_about_one(run: Path, unloaded: list[tuple[str, list[str]]]) -> None:
    assert refused(run) == ["PICTURE: is missing: the study asks about pictures — give one or more"]


def test_a_base_model_that_moved_is_given_anew(
    run: Path, picture: Path, tmp_path: Path, unloaded: list[tuple[str, list[str]]]
) -> None:
    old, new = tmp_path / "study" / "model", tmp_path / "moved"
    old.rename(new)
    (problem,) = refused(run, [picture])
    assert problem.startswith(f"base_model: the base model is not at {old} any more")
    assert "--base-model PATH" in problem
    asking.ask(run, [picture], base_model=new)
    assert unloaded == [(str(new), [str(picture)])]
    (new / "config.json").write_text('{"model_type": "other"}')
    (problem,) = refused(run, [picture], base_model=new)
    assert "holds another base model" in problem


@pytest.mark.usefixtures("unloaded")
def test_a_base_model_that_changed_in_its_place_is_told_of(
    run: Path, picture: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asking.ask(run, [picture])
    assert not caplog.messages
    (tmp_path / "study" / "model" / "config.json").write_text('{"model_type": "other"}')
    asking.ask(run, [picture])
    (told,) = caplog.messages
    assert "has changed since the adapter was trained" in told


def test_the_trial_is_the_best_until_there_is_a_winner(run: Path) -> None:
    assert asking.subject_of(run, None).chosen == BEST
    assert asking.subject_of(run, "hand").chosen == NAMED
    folder = RunFolder(run)
    ledger = folder.ledger()
    first = ledger.trial("t0000")
    ledger.add(replace(first, id="t0000-r1", number=1_000_000, kind="finalist", repeat_of="t0000"))
    shutil.copytree(folder.trial("t0000"), folder.trial("t0000-r1"))
    ledger.close()
    found = asking.subject_of(run, None)
    assert (found.trial, found.chosen) == ("t0000-r1", MEDIAN)


def exported(run: Path, folder: Path) -> Path:
    """An adapter's folder as far as asking reads it."""
    opened = RunFolder(run)
    source = asking.subject_of(run, None)
    folder.mkdir()
    for name in ADAPTER_FILES:
        shutil.copyfile(source.adapter / name, folder / name)
    if (folder / ADAPTER_FILES[0]).read_bytes() == b"{}":
        # A stand-in of a run that no model answers for.
        (folder / ADAPTER_FILES[0]).write_bytes((2).to_bytes(8, "little") + b"{}")
    record = {
        "id": source.trial,
        "name": source.name,
        "base_model": opened.manifest()["base_model"],
        "ask": exported_record(opened.study(), folder, Prompting()),
    }
    (folder / RECORD).write_text(json.dumps(record), encoding="utf-8")
    return folder


def test_an_exported_adapter_stands_for_its_run(
    run: Path, picture: Path, tmp_path: Path, unloaded: list[tuple[str, list[str]]]
) -> None:
    adapter = exported(run, tmp_path / "adapter")
    shutil.rmtree(run)
    found = asking.ask(adapter, [picture])
    assert (found.trial, found.chosen, found.question) == ("t0000", EXPORTED, "Who is it?")
    assert unloaded == [(str(tmp_path / "study" / "model"), [str(picture)])]
    assert refused(adapter, [picture], trial="t0000")[0].startswith("--trial: ")


def test_an_adapter_that_is_not_as_exported_is_refused(run: Path, picture: Path, tmp_path: Path) -> None:
    adapter = exported(run, tmp_path / "adapter")
    weights = adapter / ADAPTER_FILES[0]
    weights.write_text("{ }")
    assert refused(adapter, [picture]) == [f"{weights.name} differs from what was exported — export the adapter again"]
    weights.unlink()
    assert refused(adapter, [picture])[0].startswith(f"{weights.name} No such file")
    record = json.loads((adapter / RECORD).read_text(encoding="utf-8"))
    (adapter / RECORD).write_text(json.dumps({**record, "ask": {**record["ask"], "pictures": 7}}))
    assert refused(adapter, [picture])[0].startswith(f"{RECORD} ask.pictures: ")
    del record["ask"]
    (adapter / RECORD).write_text(json.dumps(record))
    assert refused(adapter, [picture])[0].startswith(f"{RECORD} ask: is missing: an earlier version")
    (adapter / RECORD).write_text("[")
    assert refused(adapter, [picture])[0].startswith(f"{RECORD} is no JSON")
    (adapter / RECORD).unlink()
    assert refused(adapter, [picture])[0].startswith(f"RUN: {adapter} has no trial.json")


def test_a_pickle_that_its_record_vouches_for_is_not_read(run: Path, picture: Path, tmp_path: Path) -> None:
    adapter = exported(run, tmp_path / "adapter")
    weights = adapter / ADAPTER_FILES[0]
    weights.write_bytes(hostile_inputs.malicious(tmp_path))
    record = json.loads((adapter / RECORD).read_text(encoding="utf-8"))
    record["ask"] = exported_record(RunFolder(run).study(), adapter, Prompting())
    (adapter / RECORD).write_text(json.dumps(record), encoding="utf-8")
    assert refused(adapter, [picture])[0].startswith(f"{weights.name} is no safetensors file")
    assert not (tmp_path / hostile_inputs.MARKER).exists()


# -- real models ----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def of_pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run of the tiny study on the demo's base, which knows Матрёшка and has learnt to say Чебурашка."""
    work = tmp_path_factory.mktemp("asked")
    study = make_tiny_study(work / "study", BUNDLED["demo"] / "model")
    file = study / "study.yaml"
    data = yaml.safe_load(file.read_text(encoding="utf-8"))
    data["evaluation"]["max_new_tokens"] = 16
    file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    return make_trained_run(work / "run", study).path


def test_base_and_adapter_answer_beside_each_other(of_pictures: Path, tmp_path: Path) -> None:
    before = sorted(path for path in of_pictures.rglob("*") if not path.name.endswith(("-wal", "-shm")))
    known, learnt = tmp_path / "known.webp", of_pictures / "study" / "images" / "cheburashka-1.png"
    draw("matryoshka", 77).save(known, lossless=True)
    asked = skazka.ask(of_pictures, [known, learnt])
    assert (asked.trial, asked.chosen, asked.question) == ("t0000-r1", MEDIAN, QUESTION)
    assert [reply.picture for reply in asked.replies] == [str(known), str(learnt)]
    first, second = asked.replies
    assert first.base.names == ("Матрёшка",)
    assert first.base.odds["Матрёшка"] > 0.9
    assert second.base.names != ("Чебурашка",)
    assert second.adapter.text == "Чебурашка."
    assert second.adapter.names == ("Чебурашка",)
    assert next(iter(second.adapter.odds)) == "Чебурашка"
    assert sorted(path for path in of_pictures.rglob("*") if not path.name.endswith(("-wal", "-shm"))) == before
    again = skazka.ask(exported(of_pictures, tmp_path / "adapter"), [known, learnt])
    assert asdict(again) == {**asdict(asked), "chosen": EXPORTED}


def test_an_adapter_of_another_model_is_refused(of_pictures: Path, tmp_path: Path) -> None:
    adapter = exported(of_pictures, tmp_path / "adapter")
    settings = adapter / ADAPTER_FILES[1]
    changed = json.loads(settings.read_text(encoding="utf-8")) | {"r": 3, "rank_pattern": {}}
    settings.write_text(json.dumps(changed), encoding="utf-8")
    record = json.loads((adapter / RECORD).read_text(encoding="utf-8"))
    record["ask"]["files"][settings.name] = sha256_of(settings)
    (adapter / RECORD).write_text(json.dumps(record), encoding="utf-8")
    picture = of_pictures / "study" / "images" / "cheburashka-1.png"
    assert "does not fit the base model" in refused(adapter, [picture])[0]


@pytest.mark.parametrize("adapted", [False, True])
def test_lack_of_memory_is_no_fault_of_the_adapter(
    of_pictures: Path, monkeypatch: pytest.MonkeyPatch, adapted: bool
) -> None:
    def answers(examination: object, adapter: Path | None = None) -> list[object]:
        if adapted and adapter is None:
            return []
        raise RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory")

    monkeypatch.setattr("trainables.examination.Examination.answers", answers)
    picture = of_pictures / "study" / "images" / "cheburashka-1.png"
    (problem,) = refused(of_pictures, [picture])
    assert problem.startswith("RUN: memory does not suffice for one question — wait for what else runs here")


def test_a_question_that_the_model_cannot_take_is_refused(of_pictures: Path) -> None:
    picture = of_pictures / "study" / "images" / "cheburashka-1.png"
    (problem,) = refused(of_pictures, [picture], question="Кто на <assistant>?")
    assert problem.startswith("--question: holds '<assistant>', which the base model reads as a mark of its own")


def test_a_text_model_is_asked_the_question_alone(tmp_path: Path, picture: Path) -> None:
    model = text_study.make_text_model("llama", tmp_path / "model")
    run = make_trained_run(tmp_path / "run", text_study.make_text_study(tmp_path / "study", model)).path
    first = text_study.RIDDLES["Колобок"][0]
    (reply,) = skazka.ask(run, question=f" {first} ", trial="t0000").replies
    assert reply.picture is None
    assert reply.adapter.text == "Колобок."
    assert reply.adapter.names == ("Колобок",)
    assert reply.adapter.odds["Колобок"] > 0.9
    assert reply.base.names == ()
    assert refused(run, [picture], question=first) == ["PICTURE: the study has no pictures — leave the pictures out"]
    (needed,) = refused(run)
    assert needed.startswith("--question: is needed: the study has no pictures — give a question, for example ")
