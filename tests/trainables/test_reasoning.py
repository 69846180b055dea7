import pytest

from studies.text import normalise
from trainables.reasoning import without_reasoning


@pytest.mark.parametrize(
    "answer",
    [
        "<think>Гена?</think>Чебурашка",
        "<think>\nГена? Нет.\n</think>\n\nЧебурашка",
        "Гена, наверное.</think>Чебурашка",  # the template opened the block in the prompt
        "<THINK>Гена</Think>Чебурашка",
        "<think></think>Чебурашка",
        "Чебурашка<think>или Гена",
        "<think>Гена</think>Чебурашка<think>или Гена</think>",
        "<think>Гена<think>Гена</think>Гена</think>Чебурашка",
        "<thinking>Гена</thinking>Чебурашка",
        "<reasoning>Гена</reasoning>Чебурашка",
        "<thought>Гена</thought>Чебурашка",
        "<seed:think>Гена</seed:think>Чебурашка",
        "[THINK]Гена[/THINK]Чебурашка",
        "◁think▷Гена◁/think▷Чебурашка",
        "<|begin_of_thought|>Гена<|end_of_thought|>Чебурашка",
        "<|START_THINKING|>Гена<|END_THINKING|>Чебурашка",
        "<start_working_out>Гена<end_working_out>Чебурашка",
        "<unused94>thought\nГена<unused95>Чебурашка",
        "<thought_process>Гена</thought_process>Чебурашка",
        "<inner_thoughts>Гена</inner_thoughts>Чебурашка",
        "<internal_monologue>Гена</internal_monologue>Чебурашка",
        "[REASONING]Гена[/REASONING]Чебурашка",
        "<|channel|>analysis<|message|>Гена<|end|><|start|>assistant<|channel|>final<|message|>Чебурашка",
        "<|channel>thought\nГена<channel|>Чебурашка",
    ],
)
def test_only_what_is_said_is_kept(answer: str) -> None:
    assert normalise(without_reasoning(answer)) in ("чебурашка", "assistant чебурашка")


@pytest.mark.parametrize(
    "answer", ["<think>Гена или", "<think>", "<think>Гена</think>", "<|channel|>analysis<|message|>Гена"]
)
def test_reasoning_that_was_cut_off_leaves_nothing(answer: str) -> None:
    assert not without_reasoning(answer).strip()


@pytest.mark.parametrize(
    "answer", ["", "Чебурашка", "a < b", "[1] Гена", "<b>Гена</b>", "I think it is Gena", "<thinks>Гена</thinks>"]
)
def test_other_text_stays_as_it_is(answer: str) -> None:
    assert without_reasoning(answer) == answer
