"""What a model wrote while it thought is not its answer."""

import re

# <think> of DeepSeek and Qwen, <seed:think>, <|begin_of_thought|> of Sky-T1, <|START_THINKING|> of Command, [THINK] of
# Mistral, ◁think▷ of Kimi, <unused94> of MedGemma, <start_working_out> of a widely copied GRPO notebook.
_NAME = (
    r"(?:begin|start|end)_(?:of_)?(?:thought|thinking|reasoning|working_out)|unused9[45]"
    r"|(?:[a-z]+[:_])?(?:think(?:ing)?|thoughts?|reason(?:ing)?|reflection|analysis|scratchpad|monologue|cot)"
    r"(?:_process)?"
)
_TAG = re.compile(rf"<\|?\s*/?\s*(?P<name>{_NAME})\s*\|?>|\[/?(?:THINK|REASONING)\]|◁/?think▷", re.IGNORECASE)
# <|channel|>analysis<|message|>…<|end|><|start|>assistant<|channel|>final<|message|>…, <|channel>thought…<channel|>…
_CHANNEL = re.compile(r"<\|?channel\|?>\s*(\w*)\s*(?:<\|message\|>)?", re.IGNORECASE)
_CONTROL = re.compile(r"<\|\w+\|?>|<\w+\|>")
_SPOKEN = ("final", "answer", "response", "")


def without_reasoning(answer: str) -> str:
    """The answer without its reasoning: closed blocks, one that was cut off, all before a lone closing tag."""
    if not any(sign in answer for sign in "<[◁"):
        return answer
    return _outside_tags(_spoken(answer))


def opens_reasoning(text: str) -> bool:
    """Whether a text begins a block of reasoning, or its channel, and does not end it."""
    tags, channels = list(_TAG.finditer(text)), list(_CHANNEL.finditer(text))
    in_channel = bool(channels) and channels[-1][1].lower() not in _SPOKEN
    return in_channel or (bool(tags) and not _closes(tags[-1]))


def _closes(tag: re.Match[str]) -> bool:
    return "/" in tag[0] or (tag["name"] or "").lower().startswith(("end", "unused95"))


def _outside_tags(answer: str) -> str:
    """What stands outside the tags of reasoning; it may speak of its tag, and is not nested."""
    kept: list[str] = []
    thinks = False
    place = 0
    for tag in _TAG.finditer(answer):
        closes = _closes(tag)
        if closes and not thinks:
            kept.clear()  # the template opened the block in the prompt
        elif not closes and not thinks:
            kept.append(answer[place : tag.start()])
        thinks, place = not closes, tag.end()
    if not thinks:
        kept.append(answer[place:])
    return "\n".join(kept)


def _spoken(answer: str) -> str:
    """What stands in the channels that speak to the user; an answer without channels as it is."""
    channels = list(_CHANNEL.finditer(answer))
    if not channels:
        return answer
    kept = [answer[: channels[0].start()]]
    ends = [channel.start() for channel in channels[1:]] + [len(answer)]
    for channel, end in zip(channels, ends, strict=True):
        if channel[1].lower() in _SPOKEN:
            kept.append(answer[channel.end() : end])
        elif channel[0].lower().startswith("<channel|"):
            kept.append(answer[channel.start(1) : end])  # Gemma closes a channel with <channel|>, and then speaks
    return _CONTROL.sub("\n", "\n".join(kept))
