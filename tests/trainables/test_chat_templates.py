"""Real chat templates: what is asked by them, what is learnt of them, and what is refused by name."""

from __future__ import annotations

import inspect
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from real_templates import ASKED, BOTH, IM_END, PARTS, TEXT, THINKING, asked_with, folder, template, tokenizer_with
from tokenizers import AddedToken
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerBase, ProcessorMixin
from transformers.utils.chat_template_utils import render_jinja_template

from studies.study import NOT_TEMPLATE
from studies.text import normalise
from trainables.base_model import BaseModel
from trainables.encoding import AnswerError, Encoder
from trainables.families import FamilyRefused
from trainables.prompting import Prompting
from trainables.settling import settle

QUESTION, REPLY = "Кто это?", "Крокодил Гена: «user» и assistant."
DATED = ("gptoss", "llama3_2", "muse_glimmer")
DAY = date(2031, 2, 3)
# As LLaVA-OneVision's own: the turns of a conversation have a space that the prompt has not.
ONEVISION = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + ' ' }}"
    "{% for part in message['content'] if part['type'] == 'image' %}{{ '<image>' }}{% endfor %}"
    "{% for part in message['content'] if part['type'] == 'text' %}{{ '\n' + part['text'] }}{% endfor %}"
    "{{ '<|im_end|>' }}{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
# As Pixtral's: a question in parts, an answer as text.
MIXED = (
    "{% for m in messages %}{% if m.role == 'user' %}[INST]{% for part in m.content %}"
    "{{ '<image>' if part.type == 'image' else part.text }}{% endfor %}[/INST]{% else %}"
    "{{ ' ' + m.content + '</s>' }}{% endif %}{% endfor %}"
)
# As LLaVA 1.5's: it ends no turn.
UNENDED = (
    "{% for m in messages %}{{ m.role.upper() + ': ' }}{% for part in m.content %}"
    "{{ '<image>\n' if part.type == 'image' else part.text + ' ' }}{% endfor %}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'ASSISTANT:' }}{% endif %}"
)
# As Kimi's and DeepSeek's: another switch, which closes what was never opened.
SWITCHED = (
    "{% if thinking is not defined %}{% set thinking = true %}{% endif %}"
    "{% for m in messages %}<|im_start|>{{ m.role + '\n' }}{% if m.role == 'assistant' %}</think>{% endif %}"
    "{{ m.content }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{{ '<think>' if thinking else '</think>' }}{% endif %}"
)
# As older thinkers': the turns of a conversation keep no thoughts, its prompt has empty ones.
FORGETFUL = (
    "{% for m in messages %}<|im_start|>{{ m.role + '\n' + m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n<think>\n\n</think>\n\n{% endif %}"
)
# The conversation has empty thoughts, the prompt leaves them to the model.
LEFT_OPEN = (
    "{% for m in messages %}<|im_start|>{{ m.role + '\n' }}{% if m.role == 'assistant' %}<think>\n\n</think>\n\n"
    "{% endif %}{{ m.content }}<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
TRIMMED = (
    "{% for m in messages %}<|im_start|>{{ m.role + '\n' + m.content | trim }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
# As Alpaca's and those of its kind: a turn ends with words, which are no token.
WORDED = (
    "{% for m in messages %}{{ '### ' + m.role + ':\n' + m.content + '\n\n### End\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '### assistant:\n' }}{% endif %}"
)
# As Seed-OSS's: what it may think is counted in tokens, and without any it says so.
BUDGETED = (
    "{% for m in messages %}<|im_start|>{{ m.role + '\n' + m.content }}<|im_end|>{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% if thinking_budget is defined and thinking_budget == 0 %}"
    "{{ '<seed:think>I answer at once.</seed:think>' }}{% endif %}{% endif %}"
)
# The prompt has the model think unless an argument of its own is given.
CHOSEN = (
    "{{ bos_token }}{% for m in messages %}<|im_start|>{{ m.role + '\n' + m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{{ '' if mode == 'quick' else '<think>\n' }}{% endif %}"
)
OTHERS = {
    "onevision": (ONEVISION, PARTS, "<|im_start|>assistant\n", "", IM_END),
    "mixed": (MIXED, PARTS, "[/INST]", " ", "</s>"),
    "unended": (UNENDED, PARTS, "ASSISTANT:", " ", "<eos>"),
    "switched": (SWITCHED, TEXT, "<|im_start|>assistant\n</think>", "", IM_END),
    "forgetful": (FORGETFUL, TEXT, "<|im_start|>assistant\n<think>\n\n</think>\n\n", "", IM_END),
    "left_open": (LEFT_OPEN, TEXT, "<|im_start|>assistant\n<think>\n\n</think>\n\n", "", IM_END),
    "worded": (WORDED, TEXT, "### assistant:\n", "", "<eos>"),
    "budgeted": (BUDGETED, TEXT, "<|im_start|>assistant\n<seed:think>I answer at once.</seed:think>", "", IM_END),
    "trimmed": (TRIMMED, TEXT, "<|im_start|>assistant\n", "", IM_END),
}


def encoder_of(processor: Any, arguments: dict[str, Any] | None = None, **options: Any) -> Encoder:
    """As a new run asks."""
    return Encoder(processor, settle(processor, arguments or {}, **options).template)


def parted(encoder: Encoder, answer: str) -> tuple[str, str]:
    """A row's prompt and answer as text, with every token."""
    row, _ = encoder.encode("unit", None, QUESTION, answer)
    return encoder.tokenizer.decode(row.prompt), encoder.tokenizer.decode(row.answer)


def test_every_template_that_is_shipped_is_one_of_these() -> None:
    found = {path.stem for path in folder().glob("*.jinja")}
    assert {name for name in found if not name.endswith("_training")} == {*ASKED, *THINKING}


@pytest.mark.parametrize(
    ("text", "kind", "prompt_end", "before", "after"),
    [
        pytest.param(template(name), kind, *rest, id=f"{name}-{kind}")
        for name, (kinds, *rest) in ASKED.items()
        for kind in kinds
    ]
    + [pytest.param(*one, id=name) for name, one in OTHERS.items()],
)
def test_labels_are_the_answer_and_the_end_of_its_turn(
    text: str, kind: str, prompt_end: str, before: str, after: str
) -> None:
    processor = asked_with(text, kind)
    prompting = settle(processor, {})
    prompt, answer = parted(Encoder(processor, prompting.template), REPLY)
    assert QUESTION in prompt
    assert prompt.endswith(prompt_end)
    assert answer == before + REPLY + after
    assert (prompting.day is not None) == ("strftime_now" in text)
    # The template is the base's own, but where it writes a date or leaves more than the answer to the model.
    assert (prompting.chat_template is None) == (prompting.day is None and text != LEFT_OPEN)


@pytest.mark.parametrize(
    ("name", "kind"),
    [(name, kind) for name, (kinds, *_) in ASKED.items() for kind in BOTH if kind not in kinds]
    + [(name, kind) for name in THINKING for kind in BOTH],
)
def test_what_cannot_be_asked_is_refused_by_name(name: str, kind: str) -> None:
    thinks = name in THINKING and kind == TEXT
    reason = "has the model think before it answers" if thinks else "does not (take a single|write a) question"
    with pytest.raises(FamilyRefused, match=f"^the chat template of the base model {reason}.* — choose"):
        settle(asked_with(template(name), kind), {})


def test_a_picture_stands_in_the_prompt_whatever_the_arguments() -> None:
    encoder = encoder_of(asked_with(template("qwen3_6").replace("<|image_pad|>", "<image>"), PARTS))
    row, pixels = encoder.encode("grey", Image.new("RGB", (64, 64), "grey"), QUESTION, REPLY)
    assert pixels is not None
    assert encoder.tokenizer.decode(row.prompt).count("<image>") == 16
    assert encoder.tokenizer.decode(row.prompt).endswith("<think>\n\n</think>\n\n")
    assert encoder.tokenizer.decode(row.answer) == REPLY + IM_END


# -- arguments ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "asked"),
    [
        ("qwen3", {"enable_thinking": False}),
        ("glm4moe", {"enable_thinking": False}),
        ("gemma4_v5", {"enable_thinking": False}),
        # It uses the name for itself.
        ("lfm2_2_5_v2", {}),
        ("qwen2_5", {}),
    ],
)
def test_thinking_is_off_where_the_template_knows_it(name: str, asked: dict[str, Any]) -> None:
    assert settle(asked_with(template(name), TEXT), {}).template == asked


def test_another_switch_is_off_too() -> None:
    assert settle(asked_with(SWITCHED, TEXT), {}).template == {"thinking": False}


def test_what_the_study_gives_is_passed_on() -> None:
    given = {"model_identity": "Ты Гена.", "reasoning_effort": "low"}
    processor = asked_with(template("gptoss"), TEXT)
    prompting = settle(processor, given)
    assert prompting.template == given
    prompt, _ = parted(Encoder(processor, prompting.template), REPLY)
    assert "Ты Гена." in prompt
    assert "Reasoning: low" in prompt


def test_an_argument_that_the_template_does_not_read_is_refused() -> None:
    with pytest.raises(FamilyRefused, match=r"does not read enable_thinkng — it reads .*enable_thinking.*; leave"):
        settle(asked_with(template("qwen3"), TEXT), {"enable_thinkng": False})


@pytest.mark.parametrize("name", ["qwen3", "qwen3_6", "glm4moe", "nemotron_3_nano"])
def test_thinking_that_is_asked_for_is_refused(name: str) -> None:
    with pytest.raises(FamilyRefused, match=r"hold no thoughts — set base_model.template: \{enable_thinking: false\}"):
        settle(asked_with(template(name), TEXT), {"enable_thinking": True})


def test_transformers_own_arguments_are_kept_from_studies() -> None:
    for method in (PreTrainedTokenizerBase.apply_chat_template, ProcessorMixin.apply_chat_template):
        assert set(inspect.signature(method).parameters) - {"self", "kwargs"} <= NOT_TEMPLATE


@pytest.mark.parametrize("value", ["false", "off", 1, 0, None, []])
def test_what_a_template_does_not_take_for_off_is_mended_by_what_it_does(value: Any) -> None:
    with pytest.raises(FamilyRefused, match=r"hold no thoughts — set base_model.template: \{enable_thinking: false\}"):
        settle(asked_with(template("qwen3_6"), TEXT), {"enable_thinking": value})


def test_arguments_that_may_turn_thinking_off_are_named() -> None:
    with pytest.raises(FamilyRefused, match=r"at once, or set base_model.template, if one of these .*: mode$"):
        settle(asked_with(CHOSEN, TEXT), {})
    assert parted(encoder_of(asked_with(CHOSEN, TEXT), {"mode": "quick"}), REPLY)[1] == REPLY + IM_END


# -- the day --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", DATED)
def test_a_date_is_the_run_s_own(name: str) -> None:
    processor = asked_with(template(name), TEXT)
    prompting = settle(processor, {}, today=DAY)
    assert prompting.day == "2031-02-03"
    written = "03 Feb 2031" if name == "llama3_2" else "2031-02-03"
    prompt, answer = parted(Encoder(processor, prompting.template), REPLY)
    assert written in prompt
    # Whoever opens the run later, or loads what it exported.
    again = asked_with(template(name), TEXT)
    again.chat_template = Prompting.from_data(prompting.as_data()).chat_template
    assert parted(Encoder(again, prompting.template), REPLY) == (prompt, answer)


@pytest.mark.parametrize("name", DATED)
def test_a_template_of_the_day_writes_what_its_own_would(name: str) -> None:
    def rendered(text: str) -> str:
        turns = [{"role": "user", "content": QUESTION}, {"role": "assistant", "content": REPLY}]
        return str(render_jinja_template([turns], chat_template=text)[0][0])

    before = date.today()
    own = rendered(template(name))
    processor = asked_with(template(name), TEXT)
    settle(processor, {})
    # But for a midnight between the two.
    assert own == rendered(processor.chat_template) or date.today() != before


def test_a_date_may_be_written_in_any_way() -> None:
    text = (
        "{%- macro now(form) %}{{ strftime_now(form) }}{% endmacro -%}{% set form = '%A %-d' %}"
        "{% for m in messages %}{{ now(form) }}/{{ strftime_now(format='%H:%M')[:2] }}/"
        "{{ strftime_now('%' + 'Y') }} <|im_start|>{{ m.content }}<|im_end|>{% endfor %}"
    )
    prompts = [
        parted(encoder_of(asked_with(text, TEXT), today=DAY + timedelta(days)), REPLY)[0].partition(" <")[0]
        for days in (0, 1)
    ]
    assert prompts == ["Monday 3/00/2031-02-03", "Tuesday 4/00/2031-02-04"]


# -- templates of every form ----------------------------------------------------------------------


def test_of_named_templates_the_default_is_taken(tmp_path: Path) -> None:
    named = {"default": template("qwen3"), "tool_use": template("llama3")}
    tokenizer_with(named).save_pretrained(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    assert isinstance(tokenizer.chat_template, dict)
    prompt, answer = parted(encoder_of(tokenizer), REPLY)
    assert prompt.endswith("</think>\n\n")
    assert answer == REPLY + IM_END


def test_named_templates_without_a_default_are_refused() -> None:
    with pytest.raises(FamilyRefused, match="its chat templates are rag, tool_use, and none is the default"):
        settle(tokenizer_with({"tool_use": template("llama3"), "rag": template("llama3")}), {})


def test_a_file_of_its_own_is_read(tmp_path: Path) -> None:
    tokenizer_with(template("qwen3")).save_pretrained(tmp_path)
    assert (tmp_path / "chat_template.jinja").is_file()
    assert parted(encoder_of(AutoTokenizer.from_pretrained(tmp_path)), REPLY)[1] == REPLY + IM_END


def test_a_processor_without_one_takes_its_tokenizer_s() -> None:
    processor = asked_with(template("qwen3_vl"), PARTS)
    processor.chat_template = None
    assert settle(processor, {}).chat_template == template("qwen3_vl")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("{% for m in messages %}{{ m.content ", "is none"),
        ("{{ raise_exception('A system turn is needed.\nSee the card.') }}", r"question \(A system turn is needed\.\)"),
        ("{{ messages[5].content.x }}", "does not take a single question"),
        ("{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}", "does not write an answer"),
        ("{{ messages[0].content }}{{ messages[1].content if messages[1] else 'So, I say:' }}", "ends a prompt with"),
        ("<|im_start|>assistant", "does not write a question"),
    ],
)
def test_a_template_that_will_not_do_is_refused_once(text: str, reason: str) -> None:
    with pytest.raises(FamilyRefused, match=reason) as refused:
        settle(asked_with(text, TEXT), {})
    assert " — choose the version of the base model that takes instructions" in str(refused.value)
    assert "\n" not in str(refused.value)


# -- answers of every form ------------------------------------------------------------------------


@pytest.mark.parametrize(
    "answer",
    [
        " Гена. ",
        "Гена.\n",
        "\n\nГена",
        "user\nassistant: Гена",
        "{{ messages }} {% if %}",
        "[{'type': 'text'}]",
        "Он сказал: «7f3c»",
    ],
)
@pytest.mark.parametrize("name", ["qwen3", "gemma3", "glm4moe", "gptoss", "idefics3"])
def test_an_answer_may_hold_what_templates_do(name: str, answer: str) -> None:
    encoder = encoder_of(asked_with(template(name), ASKED[name][0][-1]))
    _, before, after = ASKED[name][1:]
    _, said = parted(encoder, answer)
    assert said.startswith(before)
    assert said.endswith(after)
    assert said.removeprefix(before).removesuffix(after).strip() == answer.strip()


@pytest.mark.parametrize("name", ["qwen3", "qwen3_6", "glm4moe"])
def test_an_answer_that_the_template_takes_for_thoughts_is_refused(name: str) -> None:
    with pytest.raises(AnswerError):
        parted(encoder_of(asked_with(template(name), TEXT)), "Гена? </think> Колобок.")


def test_an_answer_may_end_with_a_whole_token_that_is_not_special() -> None:
    # As in the tokenizers of Command R7B and Command A.
    tokenizer = tokenizer_with(template("cohere2").replace("<|END_RESPONSE|>", "[end]"))
    tokenizer.add_tokens([AddedToken("[end]", special=False)])
    encoder = encoder_of(tokenizer)
    said = encoder.answer_ids(QUESTION, REPLY)
    assert tokenizer.decode(said) == f"{REPLY}[end]<|END_OF_TURN_TOKEN|>"
    end = tokenizer.convert_tokens_to_ids("[end]")
    assert end in encoder.stops
    assert encoder.text_of(said[:-1], encoder.stops) == REPLY


def test_a_turn_that_nothing_ends_is_refused_by_name() -> None:
    tokenizer = tokenizer_with(WORDED)
    tokenizer.eos_token = None
    config = LlamaConfig(hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1, vocab_size=9)
    with pytest.raises(FamilyRefused, match=r"family llama cannot .*neither the chat template nor the tokenizer has"):
        BaseModel(LlamaForCausalLM(config), tokenizer)


KEPT = {name: encoder_of(asked_with(template(name), TEXT)) for name in ("qwen3", "gemma", "gptoss")}


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(sorted(KEPT)), st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=40))
def test_labels_decode_to_any_answer_or_it_is_refused(name: str, answer: str) -> None:
    try:
        ids = KEPT[name].answer_ids(QUESTION, answer)
    except AnswerError:
        return
    assert normalise(KEPT[name].tokenizer.decode(ids, skip_special_tokens=True)) == normalise(answer)
    assert ids[-1] in KEPT[name].stops
