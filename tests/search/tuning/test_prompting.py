"""How a run asks its base: settled once, and the same on every day, in every process and after the export."""

from __future__ import annotations

import json
import shutil
from contextlib import closing
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import text_study
import yaml
from click.testing import CliRunner

from benchmarks.campaigns.good_inputs import manifest_of
from search.outputs import asking
from search.outputs.adapter_record import AskRecord, ask_record
from search.run.ledger import Ledger
from search.run.prompting import PROMPTING, keep_prompting, prompting_of
from search.run.recovery import settle_changes
from search.run.run_folder import RunFolder
from search.run.trial_row import TrialRow
from search.tuning.preparation import prepare_run
from skazka.cli import main
from spaces.trial_config import TrialConfig
from studies.checks import load_study
from trainables import settling
from trainables.base_model import BaseModel
from trainables.examination import RowError
from trainables.facts import Facts
from trainables.prepared import prepare
from trainables.prompting import CHECKPOINTS_OWN, Prompting

# It writes the day, and has its model think unless it is told not to.
TEMPLATE = (
    "<|im_start|>{{ strftime_now('%d.%m.%Y') }}<|im_end|>\n"
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}<think>\n\n</think>\n\n{% endif %}"
    "{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n"
    "{% if enable_thinking is defined and not enable_thinking %}<think>\n\n</think>\n\n{% endif %}{% endif %}"
)
TOLD = "<|im_start|>{}<|im_end|>\n<|im_start|>user\n{}<|im_end|>\n<|im_start|>assistant\n<think>\n\n</think>\n\n"


def on(day: date, monkeypatch: pytest.MonkeyPatch) -> None:
    """Have it be that day."""

    class Calendar:
        @staticmethod
        def today() -> date:
            return day

    monkeypatch.setattr(settling, "date", Calendar)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tiny Llama with that template."""
    return text_study.make_text_model("llama", tmp_path_factory.mktemp("model") / "model", template=TEMPLATE)


@pytest.fixture
def run(model: Path, tmp_path: Path) -> RunFolder:
    """A run of which nothing is prepared yet."""
    study = load_study(text_study.make_text_study(tmp_path / "study", model))
    folder = RunFolder(tmp_path / "run")
    folder.path.mkdir()
    folder.freeze(study, study.space())
    with closing(Ledger.create(folder.ledger_file)) as ledger:
        ledger.set_meta("manifest", manifest_of(study))
        ledger.set_meta("frozen", folder.hashes())
    return folder


def prepared(run: RunFolder) -> Facts:
    """Prepare as a run's own process does."""
    prepare_run(run)
    (draft,) = run.path.glob(".preparing-*")
    draft.rename(run.prepared)
    return Facts.read(run.prepared)


def enter_trial(run: RunFolder) -> None:
    """A trial is asked for."""
    config = TrialConfig().model_dump(mode="json")
    with closing(run.ledger()) as ledger:
        ledger.add(TrialRow("t0000", 0, "search", "t0000", config, 0, True))


def prompts(run: RunFolder, model: Path) -> list[str]:
    """What the probes are asked by."""
    data = json.loads((run.prepared / "rows.json").read_text(encoding="utf-8"))
    tokenizer = text_study.make_tokenizer()
    return [tokenizer.decode(row["prompt"]) for row in data["probes"].values()]


def test_a_run_that_is_prepared_again_on_another_day_asks_the_same(
    run: RunFolder, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    on(date(2031, 2, 3), monkeypatch)
    first = prepared(run)
    keep_prompting(run, first)
    before = prompts(run, model)
    assert before[0] == TOLD.format("03.02.2031", run.study().probes_of("search")[0].question)
    assert (first.prompting.day, first.prompting.template) == ("2031-02-03", {"enable_thinking": False})
    shutil.rmtree(run.prepared)
    on(date(2031, 2, 4), monkeypatch)
    assert prepared(run).prompting == first.prompting
    assert prompts(run, model) == before


def test_another_reader_asks_by_what_was_settled(run: RunFolder, model: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    on(date(2031, 2, 3), monkeypatch)
    prompting = prepared(run).prompting
    on(date(2031, 2, 4), monkeypatch)
    later = BaseModel.load(str(model), run.study().file.base_model, prompting=prompting)
    assert later.encoder.conversation.prompt("Кто?") == TOLD.format("03.02.2031", "Кто?")
    assert later.prompting == prompting


def test_a_run_of_an_earlier_version_is_asked_as_it_was(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(run.ledger()) as ledger:
        assert prompting_of(run, ledger) is None
    enter_trial(run)
    with closing(run.ledger()) as ledger:
        assert prompting_of(run, ledger) == Prompting()
    run.prepared.mkdir()
    old = Prompting(stops=(3,), text_only=True)
    Facts(1, {}, [], old).write(run.prepared)
    with closing(run.ledger()) as ledger:
        assert prompting_of(run, ledger) == Prompting(stops=(3,), text_only=True)


def test_a_change_of_the_pictures_keeps_how_is_asked_and_one_of_the_template_does_not(run: RunFolder) -> None:
    old = Prompting(stops=(3,), text_only=True)
    run.prepared.mkdir()
    Facts(1, {}, [], old).write(run.prepared)
    enter_trial(run)
    yaml_file = run.study_folder / "study.yaml"
    written = yaml_file.read_text(encoding="utf-8")
    for text, kept in ((written + "# A remark.\n", old), (written, old)):
        yaml_file.write_text(text, encoding="utf-8")
        with closing(run.ledger()) as ledger:
            settle_changes(run, ledger, accept=True)
            assert prompting_of(run, ledger) == kept
    data = yaml.safe_load(written)
    data["base_model"]["template"] = {"enable_thinking": False}
    yaml_file.write_text(yaml.safe_dump(data, allow_unicode=True), encoding="utf-8")
    with closing(run.ledger()) as ledger:
        settle_changes(run, ledger, accept=True)
        assert prompting_of(run, ledger) is None
        assert ledger.meta(PROMPTING, 0) is None


def test_asking_takes_the_run_s_own(run: RunFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    on(date(2031, 2, 3), monkeypatch)
    keep_prompting(run, prepared(run))
    enter_trial(run)
    monkeypatch.setattr(asking, "choose", lambda opened, trial: opened.ledger().trial("t0000"))
    monkeypatch.setattr(asking, "checkpoint_of", lambda opened, row: opened.path)
    on(date(2031, 2, 4), monkeypatch)
    subject = asking.subject_of(run.path, "t0000")
    asked: list[str] = []

    def answers(examination: Any, adapter: Path | None = None) -> list[Any]:
        (row,) = examination.probes.values()
        asked.append(examination.base.encoder.tokenizer.decode(row.prompt))
        return []

    monkeypatch.setattr("trainables.examination.Examination.answers", answers)
    probes = asking._probes(subject, "Кто?", [])
    asking._answers(subject, probes, subject.base_model.id, False)
    assert asked == [TOLD.format("03.02.2031", "Кто?")] * 2


def test_an_exported_record_says_how_was_asked_and_an_older_one_is_read(run: RunFolder) -> None:
    prompting = Prompting((1, 2), "{{ messages }}", True, {"enable_thinking": False}, "2031-02-03", 2)
    record = ask_record(run.study(), prompting).model_dump(mode="json")
    assert AskRecord.model_validate_json(json.dumps(record)).prompting == prompting
    del record["prompting"]
    older = AskRecord.model_validate(record).prompting
    assert (older.template, older.day, older.generation) == ({}, None, CHECKPOINTS_OWN)


# -- what is refused, and what is said ------------------------------------------------------------


def test_names_that_can_be_no_answer_are_refused_with_their_line(model: Path, tmp_path: Path) -> None:
    folder = text_study.make_text_study(tmp_path / "study", model)
    study = load_study(folder)
    base = BaseModel.load(str(model), study.file.base_model)
    # As a template that parts answers at a sign.
    base.processor.chat_template = base.processor.chat_template.replace("m.content", "m.content.split('оло')[0]")
    with pytest.raises(RowError) as refused:
        prepare(study, base)
    said = [str(problem) for problem in refused.value.problems]
    (name,) = [one for one in said if one.startswith("study.yaml:")]
    assert "characters[1].name: 'Колобок' cannot be an answer of the base model (the labels decode to 'К'" in name
    answers = [one for one in said if one.startswith("training.jsonl:")]
    assert len(answers) == 2
    assert all(" answer: cannot be an answer of the base model (" in one for one in answers)


@pytest.mark.parametrize(
    ("template", "said"),
    [
        ({"enable_thinkng": False}, "does not read enable_thinkng"),
        ({"enable_thinking": True}, "hold no thoughts"),
    ],
)
def test_doctor_stops_at_arguments_that_will_not_do(
    model: Path, tmp_path: Path, template: dict[str, Any], said: str
) -> None:
    spec = {"id": str(model), "dtype": "float32", "template": template}
    folder = text_study.make_text_study(tmp_path / "study", model, base_model=spec)
    result = CliRunner().invoke(main, ["doctor", str(folder), "--json"])
    assert result.exit_code == 2
    stops = [one["what"] for one in json.loads(result.stdout)["findings"] if one["level"] == "stop"]
    assert len(stops) == 1
    assert said in stops[0]


def test_doctor_tells_the_arguments(model: Path, tmp_path: Path) -> None:
    folder = text_study.make_text_study(tmp_path / "study", model)
    result = CliRunner().invoke(main, ["doctor", str(folder), "--json"])
    found = [one["what"] for one in json.loads(result.stdout)["findings"]]
    assert "chat template: {enable_thinking: false}" in found
    assert "chat template: writes the day; a run keeps that on which it was prepared" in found
