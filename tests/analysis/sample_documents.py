"""Documents for the tests of what shows them: every kind of block, and texts that try to be markup or scripts."""

from __future__ import annotations

from pathlib import Path

from PIL import Image

from analysis.render.document import (
    Answers,
    AskedProbe,
    Block,
    Chart,
    Code,
    Column,
    Document,
    Facts,
    Section,
    Table,
    Text,
    Tone,
)
from analysis.render.plots import Panel, Plot, Series, plot_chart
from trainables.grading import Grade

# Each would set window.hacked where anything took it for more than text.
PAYLOADS = (
    "<script>window.hacked=1</script>",
    "</script><script>window.hacked=1</script>",
    '"><img src=x onerror=window.hacked=1>',
    "' onfocus='window.hacked=1' autofocus='",
    '<a href="javascript:window.hacked=1">x</a>',
    "<!-- <style>*{display:none}</style>",
    "{{7*7}} {% raw %}",
    "&lt;b&gt; %{x}",
)
NAMES = ("Чебурашка", "Колобок", "Супермен", "Солнышко")
GRADES = tuple(grade.value for grade in Grade)
SCORES = (0.25, -0.5, None, 0.125, 0.0625, 10.0)


def every_block(mark: str = "", trials: int = 3, probes: int = 60) -> Document:
    """A document in Russian with every kind of block; `mark` is added to every text in it.

    Its pictures: see `make_pictures`. The trials are t0, t1, …; every trial answers every probe, and the grade of
    its answer to probe n is the grade of place (trial + n), before it of place 0.
    """
    sections = [
        Section("verdict", f"Вывод{mark}", _texts(mark)),
        Section("trials", f"Испытания{mark}", [_table(mark)], [_trial(mark, number) for number in range(trials)]),
        Section("charts", f"Графики{mark}", _charts(mark)),
        Section("answers", f"Ответы{mark}", [_answers(mark, trials, probes)]),
        Section("next", f"Что дальше{mark}", [Code(f"skazka export runs/first --to DIR{mark}\nskazka status")]),
    ]
    return Document("ru", f"Подбор LoRA{mark}", f"Поиск из 6 испытаний{mark}", sections)


def make_pictures(folder: Path) -> None:
    """The pictures of `every_block`; one of the answers' and one chart's are missing."""
    for place in range(3):
        Image.new("RGB", (300, 200), (80 * place, 120, 200)).save(folder / f"{place}.png")
    Image.new("RGB", (900, 400), "white").save(folder / "chart.png")


def _texts(mark: str) -> list[Block]:
    tones: tuple[Tone, ...] = ("good", "bad", "unsure", "plain")
    facts = [("", f"просто факт{mark}"), (f"Модель{mark}", f"Qwen{mark}"), ("Время", "2 ч 5 мин")]
    return [*(Text(f"Абзац {tone}{mark}", tone) for tone in tones), Facts(facts)]


def _table(mark: str) -> Table:
    columns = [Column(f"Имя{mark}"), Column(f"score{mark}", number=True), Column("Статус")]
    rows = [(f"{name}{mark}", score, f"статус {score}{mark}") for name, score in zip("бваёгд", SCORES, strict=True)]
    return Table("all", columns, rows, filters=True, tones=("good", "bad", "unsure", "plain", "plain", "plain"))


def _trial(mark: str, number: int) -> Section:
    table = Table(f"table-t{number}", [Column("Персонаж"), Column("До")], [(f"Колобок{mark}", f"нет{mark}"), (None, 1)])
    plot = Plot([Panel([Series(f"loss{mark}", [1, 2, 3], [3, 2, 1], "line", "blue", [mark, "", ""])], f"eval{mark}")])
    chart = plot_chart(f"curves-t{number}", f"Кривые {number}{mark}", plot, "chart.png")
    return Section(f"t{number}", f"lora_v{number}{mark}", [table, chart], folded=True)


def _charts(mark: str) -> list[Block]:
    line = Series(
        f"найденная{mark}", [0, 1, 2], [0.1, None, 0.3], "points", "orange", [f"t{n}{mark}" for n in range(3)]
    )
    panel = Panel([line], f"панель{mark}", f"номер{mark}", f"score{mark}", [(0, f"a{mark}"), (1, "b")], mark=1)
    raw = {"data": [{"type": "scatter", "x": [1, 2], "y": [1, float("nan")], "name": mark, "text": [mark, mark]}]}
    return [
        plot_chart("scores", f"Оценки{mark}", Plot([panel, panel], columns=2), "chart.png"),
        Chart("raw", f"Без экранирования{mark}", None, {**raw, "layout": {"title": {"text": f"Заголовок{mark}"}}}),
        Chart("picture", f"Картинка{mark}", "chart.png"),
        Chart("lost", f"Потеряна{mark}", "no-such.png"),
    ]


def _answers(mark: str, trials: int, probes: int) -> Answers:
    asked = [_probe(mark, trials, number) for number in range(probes)]
    return Answers([(f"t{number}", f"lora_v{number}{mark}") for number in range(trials)], asked)


def _probe(mark: str, trials: int, number: int) -> AskedProbe:
    after = {f"t{n}": (f"Это {NAMES[(number + n) % 4]}{mark}", GRADES[(n + number) % 7]) for n in range(trials)}
    name = NAMES[number % 4]
    return AskedProbe(
        id=f"p{number}{mark}",
        image=f"{number % 4}.png",
        character=f"{name}{mark}",
        question=f"Кто это?{mark}",
        gold=f"{name}{mark}",
        before=(mark, GRADES[0]),
        after=after,
    )
