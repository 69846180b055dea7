"""Bad YAML, met by `skazka check`: study.yaml and the file of the space."""

from __future__ import annotations

from benchmarks.campaigns.spoiling import (
    CHECK,
    LONG,
    PICTURE,
    SPACE,
    YAML,
    Case,
    Spoil,
    copy,
    drop,
    edit,
    encoded,
    folder_instead,
    remove,
    text,
)

# Ten to the power of ten values in eleven lines.
BILLIONS = "a0: &a0 [x]\n" + "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]\n" for n in range(1, 11))


def _field(name: str, line: int, old: str, new: str, field: str, at: int | None = None) -> Case:
    """One text of study.yaml; `at`: the line that the refusal names where it is another, 0 where it names none."""
    place = f"study.yaml:{line if at is None else at}" if at != 0 else "study.yaml"
    return Case(f"yaml: {name}", edit(YAML, line, old, new), CHECK, place, field)


FIELDS = [
    _field("name empty", 1, "small", "''", "name"),
    _field("name of spaces", 1, "small", "'   '", "name"),
    _field("name a number", 1, "small", "5", "name"),
    _field("name left empty", 1, "small", "", "name"),
    _field("name of 201 signs", 1, "small", "a" * 201, "name"),
    _field("name spelt wrong", 1, "name", "nmae", "nmae"),
    _field("language unknown", 2, "en", "fr", "language"),
    _field("language a list", 2, "en", "[en, ru]", "language"),
    _field("language twice", 2, "en", "en\nlanguage: ru", "language", at=3),
    _field("key of two lines", 2, "en", 'en\n"a\\nb": x', "a b", at=3),
    _field("key with a number", 2, "en", "en\n5: x", "5", at=3),
    _field("base model a text", 3, "{id: model, dtype: float32}", "model", "base_model"),
    _field("base model without id", 3, "id: model, ", "", "base_model.id"),
    _field("base model id empty", 3, "id: model", "id: ", "base_model.id"),
    _field("base model folder missing", 3, "id: model", "id: ./nowhere", "base_model.id"),
    _field("base model no hub id", 3, "id: model", "id: qwen", "base_model.id"),
    _field("base model an address", 3, "id: model", "id: https://hub/owner/name", "base_model.id"),
    _field("base model a folder without config", 3, "id: model", "id: images", "base_model.id"),
    _field("base model id with a zero byte", 3, "id: model", 'id: "mo\\0del"', "base_model.id"),
    _field("base model id too long", 3, "id: model", f"id: ./{LONG[:190]}/{LONG}", "base_model.id"),
    _field("base model id a path too long", 3, "id: model", f"id: ./{'a' * 198}", "base_model.id"),
    _field("dtype unknown", 3, "float32", "int4", "base_model.dtype"),
    _field("revision a number", 3, "float32", "float32, revision: 1234567", "base_model.revision"),
    _field("training file missing", 4, "training.jsonl", "no.jsonl", "training"),
    _field("training file outside", 4, "training.jsonl", "../training.jsonl", "training"),
    _field("training file absolute", 4, "training.jsonl", "/etc/hostname", "training"),
    _field("training file a folder", 4, "training.jsonl", "images", "training"),
    _field("training file a list", 4, "training.jsonl", "[training.jsonl]", "training"),
    _field("training file with a zero byte", 4, "training.jsonl", '"a\\0.jsonl"', "training"),
    _field("probes file missing", 5, "probes.jsonl", "no.jsonl", "probes"),
    _field("probes key without value", 5, "probes.jsonl", "", "probes"),
    _field("replay file missing", 6, "replay.jsonl", "no.jsonl", "replay"),
    _field("replay a switch", 6, "replay.jsonl", "true", "replay"),
    _field("role unknown", 9, "target", "hero", "characters[0].role"),
    _field("role with a space", 9, "target", "'target '", "characters[0].role"),
    _field("role a list", 9, "target", "[target]", "characters[0].role"),
    _field("role in capitals", 9, "target", "TARGET", "characters[0].role"),
    _field("aliases a text", 10, "[Crocodile]", "Crocodile", "characters[0].aliases"),
    _field("alias a number", 10, "Crocodile", "7", "characters[0].aliases[0]"),
    _field("alias without letters", 10, "Crocodile", "'?!'", "characters[0].aliases[0]"),
    _field("aliases spelt wrong", 10, "aliases", "alias", "characters[0].alias"),
    _field("alias of another", 14, "negative", "negative\n    aliases: [gena]", "characters[2].aliases[0]", at=15),
    _field("no target", 9, "target", "negative", "characters", at=7),
    _field("no control", 12, "control", "negative", "characters", at=7),
    _field("character twice", 13, "Knight", "gena", "characters[2].name"),
    _field("characters a number", 7, "characters:", "characters: 3\nothers:", "characters"),
    _field("space unknown", 15, "own.yaml", "nope", "space"),
    _field("space outside", 15, "own.yaml", "../own.yaml", "space"),
    _field("space a mapping", 15, "own.yaml", "{rank: {choice: [4]}}", "space"),
    _field("lexicon a list", 16, "{Carlson: []}", "[Carlson]", "lexicon"),
    _field("lexicon name without letters", 16, "Carlson", "'?!'", "lexicon.?!"),
    _field("lexicon aliases a text", 16, "[]", "Karl", "lexicon.Carlson"),
    _field("weight negative", 17, "1.0", "-1", "score.degradation"),
    _field("weight not a number", 17, "1.0", ".nan", "score.degradation"),
    _field("weight infinite", 17, "1.0", ".inf", "score.degradation"),
    _field("weight too large for a float", 17, "1.0", "1.0e+999", "score.degradation"),
    _field("weight a word", 17, "1.0", "high", "score.degradation"),
    _field("weight a switch", 17, "1.0", "true", "score.degradation"),
    _field("weight unknown", 17, "degradation", "forgetting", "score.forgetting"),
    _field("evaluation every 0", 18, "5", "0", "evaluation.every"),
    _field("evaluation every half", 18, "5", "0.5", "evaluation.every"),
    _field("evaluation every a switch", 18, "5", "true", "evaluation.every"),
    _field("evaluation every of 5000 digits", 18, "5", "9" * 5000, "", at=0),
    _field("held out all", 18, "every: 5", "held_out: 1", "evaluation.held_out"),
    _field("held out negative", 18, "every: 5", "held_out: -0.1", "evaluation.held_out"),
    _field("answers of no token", 18, "every: 5", "max_new_tokens: 0", "evaluation.max_new_tokens"),
    _field("answers of a billion tokens", 18, "every: 5", "max_new_tokens: 1000000000", "evaluation.max_new_tokens"),
    _field("evaluation unknown", 18, "every", "each", "evaluation.each"),
    _field("baselines a list", 19, "baselines:", "baselines: [1]\nothers:", "baselines"),
    _field("baseline empty", 20, "hand:", "empty:\n  hand:", "baselines.empty"),
    _field("learning rate 0", 21, "1.0e-4", "0", "baselines.hand.learning_rate"),
    _field("learning rate negative", 21, "1.0e-4", "-1.0e-4", "baselines.hand.learning_rate"),
    _field("learning rate not a number", 21, "1.0e-4", ".nan", "baselines.hand.learning_rate"),
    _field("learning rate infinite", 21, "1.0e-4", ".inf", "baselines.hand.learning_rate"),
    _field("learning rate a word", 21, "1.0e-4", "fast", "baselines.hand.learning_rate"),
    _field("learning rate twice", 22, "rank: 8", "learning_rate: 1", "baselines.hand.learning_rate"),
    _field("rank 0", 22, "8", "0", "baselines.hand.rank"),
    _field("rank huge", 22, "8", "9" * 40, "baselines.hand.rank"),
    _field("rank a fraction", 22, "8", "8.5", "baselines.hand.rank"),
    _field("rank a switch", 22, "8", "true", "baselines.hand.rank"),
    _field("rank a list", 22, "8", "[4, 8]", "baselines.hand.rank"),
    _field("knob unknown", 22, "rank", "r", "baselines.hand.r"),
    _field("replay a word", 23, "true", "sometimes", "baselines.hand.replay"),
    _field("replay off with a ratio", 23, "true", "false", "baselines.hand", at=20),
    _field("replay ratio 0", 24, "0.5", "0", "baselines.hand.replay_ratio"),
]


def _whole(name: str, spoil: Spoil, line: int | None = None) -> Case:
    """A study.yaml that cannot be read as one."""
    return Case(f"yaml: {name}", spoil, CHECK, "study.yaml" if line is None else f"study.yaml:{line}", "")


def _first(name: str, spoil: Spoil, file: str, field: str) -> Case:
    return Case(f"yaml: {name}", spoil, CHECK, file, field)


SYNTAX = [
    _whole("empty", text(YAML, ""), None),
    _whole("only a comment", text(YAML, "# nothing\n"), None),
    _whole("a list", text(YAML, "- a\n- b\n"), 1),
    _whole("a word", text(YAML, "study\n"), 1),
    _whole("a tab as indent", edit(YAML, 8, "  - name", "\t- name"), 8),
    _whole("an open quote", edit(YAML, 1, "small", "'small"), 25),
    _whole("an open bracket", edit(YAML, 10, "]", ""), 11),
    _whole("an unknown anchor", edit(YAML, 1, "small", "*nobody"), 1),
    _whole("a Python object", edit(YAML, 1, "small", "!!python/object:os.system x"), 1),
    _whole("two documents", edit(YAML, 2, "language", "---\nlanguage"), 2),
    _whole("a merge of a number", edit(YAML, 1, "name", "<<: 5\nname"), 1),
    _whole("a list as key", edit(YAML, 2, "language", "? [a]\n: b\nlanguage"), 2),
    _whole("a date of month 13", edit(YAML, 1, "small", "2024-13-45")),
    _whole("a zero byte", edit(YAML, 1, "small", "sm\0all")),
    _whole("deep nesting", text(YAML, "name: " + "[" * 1_000)),
    _whole("UTF-16", encoded(YAML, "utf-16")),
    _whole("UTF-32", encoded(YAML, "utf-32")),
    _whole("Latin-1", encoded(YAML, "latin-1", "# Ünïcode\n")),
    _whole("Windows-1251", encoded(YAML, "cp1251", "# Гена\n")),
    _whole("a picture", copy(PICTURE, YAML)),
    _whole("a loop of aliases", edit(YAML, 16, "{Carlson: []}", "&a {Carlson: [*a]}"), 1),
    _whole("billions of aliases", text(YAML, BILLIONS), 1),
    _whole("2 megabytes", text(YAML, "#" * 2_000_000)),
    _first("no file", remove(YAML), "study", ""),
    _first("a folder", folder_instead(YAML), "study", ""),
    _first("no character", drop(YAML, *range(8, 15)), "study.yaml:7", "characters"),
    _first("no base model", drop(YAML, 3), "study.yaml:1", "base_model"),
    _first("no replay rows for a baseline", drop(YAML, 6), "study.yaml:22", "baselines.hand.replay"),
    _first("model config no JSON", text("study/model/config.json", "{"), "study.yaml:3", "base_model.id"),
    _first("model config a list", text("study/model/config.json", "[]"), "study.yaml:3", "base_model.id"),
    _first("model config UTF-16", text("study/model/config.json", "{}", "utf-16"), "study.yaml:3", "base_model.id"),
    _first("model config deep", text("study/model/config.json", "[" * 100_000), "study.yaml:3", "base_model.id"),
]


def _space(name: str, content: str, field: str, line: int | None = 1) -> Case:
    """The study's own space, of another content."""
    return Case(
        f"space: {name}", text(SPACE, content), CHECK, "own.yaml" if line is None else f"own.yaml:{line}", field
    )


SPACES = [
    _space("unknown knob", "rnak: {choice: [4, 8]}", "rnak"),
    _space("empty choice", "rank: {choice: []}", "rank.choice"),
    _space("choice a number", "rank: {choice: 4}", "rank.choice"),
    _space("choice of lists", "rank: {choice: [[4]]}", "rank.choice[0]"),
    _space("reversed bounds", "epochs: {integer: [9, 3]}", "epochs.integer"),
    _space("equal bounds", "dropout: {uniform: [0.1, 0.1]}", "dropout.uniform"),
    _space("log of zero", "learning_rate: {log_uniform: [0, 0.1]}", "learning_rate"),
    _space("log of a negative", "learning_rate: {log_uniform: [-1, 0.1]}", "learning_rate"),
    _space("one bound", "dropout: {uniform: [0.1]}", "dropout.uniform[1]"),
    _space("three bounds", "dropout: {uniform: [0, 0.1, 0.2]}", "dropout.uniform"),
    _space("bound not a number", "dropout: {uniform: [0, .nan]}", "dropout.uniform[1]"),
    _space("bound infinite", "weight_decay: {uniform: [0, .inf]}", "weight_decay.uniform[1]"),
    _space("bound a word", "dropout: {uniform: [low, high]}", "dropout.uniform[0]"),
    _space("bounds a mapping", "dropout: {uniform: {low: 0, high: 1}}", "dropout.uniform"),
    _space("whole numbers with a fraction", "epochs: {integer: [1.5, 3]}", "epochs.integer[0]"),
    _space("whole numbers beyond bounds", "epochs: {integer: [1, 100000]}", "epochs"),
    _space("rank as a range", "rank: {uniform: [4, 8]}", "rank"),
    _space("rank 0", "rank: {choice: [0, 8]}", "rank"),
    _space("rank a switch", "rank: {choice: [true, 8]}", "rank"),
    _space("rank huge", f"rank: {{choice: [{'9' * 40}]}}", "rank"),
    _space("learning rate above 1", "learning_rate: {uniform: [0.1, 2]}", "learning_rate"),
    _space("module unknown", "target_modules: {choice: [all-linear]}", "target_modules"),
    _space("two kinds", "rank: {choice: [4], integer: [4, 8]}", "rank"),
    _space("no kind", "rank: {}", "rank"),
    _space("kind unknown", "rank: {choices: [4]}", "rank.choices"),
    _space("knob without domain", "rank:", "rank"),
    _space("knob a number", "rank: 8", "rank"),
    _space("knob twice", "rank: {choice: [4]}\nrank: {choice: [8]}", "rank", 2),
    _space("when on an unknown knob", "rank: {choice: [4], when: {mode: 1}}", "rank"),
    _space("when on an absent knob", "replay_ratio: {uniform: [0.1, 1], when: {replay: true}}", "replay_ratio"),
    _space("when on a knob below", "rank: {choice: [4], when: {epochs: 3}}\nepochs: {integer: [3, 9]}", "rank"),
    _space("when never", "epochs: {integer: [3, 9]}\nrank: {choice: [4], when: {epochs: 30}}", "rank", 2),
    _space("when a word", "rank: {choice: [4], when: replay}", "rank.when"),
    _space("replay without ratio", "replay: {choice: [false, true]}", "", None),
    _space("ratio without replay", "replay_ratio: {uniform: [0.1, 1]}", "", None),
    _space("no knob", "{}", "", None),
    _space("empty file", "", "", None),
    _space("a list", "- rank", "", 1),
    _space("a word", "lora", "", 1),
    _space("an open brace", "rank: {choice: [4]", "", 1),
    _space("a zero byte", "rank: {choice: [4]}\0", "", None),
    _space("a number as knob", "5: {choice: [4]}", "5"),
    Case("space: UTF-16", encoded(SPACE, "utf-16"), CHECK, "own.yaml", ""),
    Case("space: a picture", copy(PICTURE, SPACE), CHECK, "own.yaml", ""),
    Case("space: missing", remove(SPACE), CHECK, "study.yaml:15", "space"),
    Case("space: a folder", folder_instead(SPACE), CHECK, "study.yaml:15", "space"),
]

CASES = [*FIELDS, *SYNTAX, *SPACES]
