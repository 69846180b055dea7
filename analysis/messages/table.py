"""Every sentence of a report, in Russian and in English: plain text, no Markdown.

A message with several forms has them in the order of `analysis.messages.catalogue.plural_form`. Its placeholders are
the same in every form and in both languages.
"""

from __future__ import annotations

from collections.abc import Mapping

from analysis.messages.of_sections import SECTIONS, Forms
from analysis.messages.without_pictures import WITHOUT_PICTURES


def _both(ru: Forms, en: Forms) -> Mapping[str, Forms]:
    return {"ru": ru, "en": en}


LANGUAGES = ("ru", "en")
TEXT_MESSAGES = {key: _both(*forms) for key, forms in WITHOUT_PICTURES.items()}
MESSAGES: dict[str, Mapping[str, Forms]] = {
    **{key: _both(*forms) for key, forms in SECTIONS.items()},
    # Headings
    "title": _both("Подбор LoRA: {study}", "LoRA search: {study}"),
    "overview": _both("Обзор", "Overview"),
    "reading": _both("Как читать числа", "How to read the numbers"),
    "all_trials": _both("Все испытания", "All trials"),
    "best": _both("Лучшая конфигурация", "Best configuration"),
    "next": _both("Что дальше", "What next"),
    # Overview
    "target": _both("целевой", "target"),
    "control": _both("контрольный", "control"),
    "negative": _both("посторонний", "negative"),
    "unknown": _both("контрольный, базе незнаком", "control, unknown to the base"),
    "unknowns": _both("Контрольные, незнакомые базе", "Controls unknown to the base"),
    "negative_trained": _both("посторонний, есть в replay", "negative, also in replay"),
    "targets": _both("Целевые персонажи", "Targets"),
    "controls": _both("Контрольные персонажи", "Controls"),
    "negatives": _both("Посторонние персонажи", "Negatives"),
    "nobody": _both("нет", "none"),
    "base_model": _both("Базовая модель", "Base model"),
    "base_model_is": _both("{id}, ревизия {revision}, {dtype}", "{id}, revision {revision}, {dtype}"),
    "no_revision": _both("не указана", "not given"),
    "file_hash": _both("не указана, sha256 файлов {hash}", "not given, sha256 of its files {hash}"),
    "sweep": _both("Поиск", "Sweep"),
    "trials": _both(
        ("{n} испытание", "{n} испытания", "{n} испытаний"),
        ("{n} trial", "{n} trials"),
    ),
    "settings": _both("Настройки", "Settings"),
    "settings_are": _both(
        "seed {seed}, выбор конфигураций {sampler}, планировщик {scheduler}",
        "seed {seed}, sampler {sampler}, scheduler {scheduler}",
    ),
    "wall_time": _both("Время", "Wall time"),
    "wall_time_is": _both(
        "{wall} от начала первого испытания до последнего события (с перерывами)",
        "{wall} from the start of the first trial to the last event (pauses included)",
    ),
    "versions": _both("Версии", "Versions"),
    "accepted_change": _both("Изменено по ходу поиска, с согласия", "Changed during the search, with consent"),
    "commit": _both("код {commit}", "code {commit}"),
    "commit_dirty": _both("код {commit} с незафиксированными правками", "code {commit} with uncommitted changes"),
    "character": _both("Персонаж", "Character"),
    "role": _both("Роль", "Role"),
    "training_images": _both("Картинок в обучении", "Training images"),
    "training_rows": _both("Строк в обучении", "Training rows"),
    "probes_in": _both("Вопросов {split}", "{split} probes"),
    "total": _both("Всего", "Total"),
    # How to read the numbers
    "meaning_gain": _both(
        "средний по целевым персонажам рост доли правильных ответов",
        "mean over targets of the rise in the share of right answers",
    ),
    "meaning_degradation": _both(
        "средняя по контрольным доля вопросов, на которые модель отвечала правильно и перестала (без контрольных, "
        "которых база не знает)",
        "mean over controls of the share of probes answered right before and wrong after (without controls that the "
        "base does not know)",
    ),
    "meaning_hallucination": _both(
        "рост доли ответов с чужим именем", "rise in the share of answers with a wrong name"
    ),
    "counted_twice": _both(
        "Если контрольного персонажа стали называть именем другого, это входит в оба штрафа: degradation и "
        "hallucination.",
        "A control that is now called by another character's name counts in both penalties: degradation and "
        "hallucination.",
    ),
    "test_unopened": _both("Вопросы test не открывались.", "The test probes have not been opened."),
    "test_none": _both("Вопросов test в этом исследовании нет.", "This study has no test probes."),
    "test_opened": _both("На вопросы test модели уже отвечали.", "The test probes have been opened."),
    "selection": _both(
        (
            "Оценка лучшего из {n} оценённого испытания завышена самим выбором: лучшее отчасти просто удачливее.",
            "Оценка лучшего из {n} оценённых испытаний завышена самим выбором: лучшее отчасти просто удачливее.",
            "Оценка лучшего из {n} оценённых испытаний завышена самим выбором: лучшее отчасти просто удачливее.",
        ),
        (
            "The score of the best of {n} searched trial overstates itself by selection: the best is in part lucky.",
            "The score of the best of {n} searched trials overstates itself by selection: the best is in part lucky.",
        ),
    ),
    "tpe": _both(
        (
            "TPE выбирает первые {startup} конфигураций случайно; по модели выбрано не больше {n} испытания из "
            "{searched}.",
            "TPE выбирает первые {startup} конфигураций случайно; по модели выбрано не больше {n} испытаний из "
            "{searched}.",
            "TPE выбирает первые {startup} конфигураций случайно; по модели выбрано не больше {n} испытаний из "
            "{searched}.",
        ),
        (
            "TPE draws its first {startup} configurations at random; at most {n} trial of {searched} was model-driven.",
            "TPE draws its first {startup} configurations at random; at most {n} trials of {searched} were "
            "model-driven.",
        ),
    ),
    "random": _both("Конфигурации выбирались случайно.", "The configurations were drawn at random."),
    # A trial
    "configuration": _both("Конфигурация", "Configuration"),
    "result": _both("Итог", "Result"),
    "result_is": _both("{parts}, эпоха {epoch} из {epochs}", "{parts}, epoch {epoch} of {epochs}"),
    "cut_answers": _both(
        (
            "max_length обрезает {n} обучающий ответ",
            "max_length обрезает {n} обучающих ответа",
            "max_length обрезает {n} обучающих ответов",
        ),
        ("max_length cuts {n} training answer", "max_length cuts {n} training answers"),
    ),
    "completed": _both("завершено", "completed"),
    "stopped": _both("остановлено досрочно", "stopped early"),
    "failed": _both("сбой", "failed"),
    "interrupted": _both("прервано", "interrupted"),
    "running": _both("идёт", "running"),
    "pending": _both("ожидает", "pending"),
    "baseline": _both("ручная", "baseline"),
    "search": _both("поиск", "search"),
    "finalist": _both("финалист", "finalist"),
    "no_answers": _both("Оценки на вопросах search ещё нет.", "Not evaluated on the search probes yet."),
    "no_trials": _both("Испытаний пока нет.", "No trials yet."),
    "no_best": _both("Завершённых испытаний с оценкой пока нет.", "No finished trial has a score yet."),
    "before": _both("До дообучения", "Before fine-tuning"),
    "after": _both("После дообучения", "After fine-tuning"),
    "status": _both("Статус", "Status"),
    "trial": _both("Испытание", "Trial"),
    "kind": _both("Вид", "Kind"),
    "state": _both("Состояние", "State"),
    "epoch": _both("Эпоха", "Epoch"),
    "error": _both("Ошибка", "Error"),
    # Cells and statuses of a character
    "cell_right": _both(
        (
            "правильный ответ на {right} из {n} вопроса",
            "правильный ответ на {right} из {n} вопросов",
            "правильный ответ на {right} из {n} вопросов",
        ),
        ("{right} of {n} question answered right", "{right} of {n} questions answered right"),
    ),
    "cell_all_right": _both(
        (
            "правильный ответ на все {n} вопрос",
            "правильный ответ на все {n} вопроса",
            "правильный ответ на все {n} вопросов",
        ),
        ("all {n} question answered right", "all {n} questions answered right"),
    ),
    "cell_named": _both(
        (
            "чужое имя в {wrong} из {n} ответа",
            "чужое имя в {wrong} из {n} ответов",
            "чужое имя в {wrong} из {n} ответов",
        ),
        ("a wrong name in {wrong} of {n} answer", "a wrong name in {wrong} of {n} answers"),
    ),
    "status_improved": _both(
        "улучшение: правильных ответов было {before}, стало {after} ({p})",
        "improvement: {before} right answers before, {after} after ({p})",
    ),
    "status_more_right": _both(
        "правильных ответов стало больше: {before} → {after}", "more right answers: {before} → {after}"
    ),
    "status_unimproved": _both("без улучшения", "no improvement"),
    "status_worse": _both(
        "ухудшение: правильных ответов было {before}, стало {after} ({p})",
        "worse: {before} right answers before, {after} after ({p})",
    ),
    "status_fewer_right": _both(
        "правильных ответов стало меньше: {before} → {after}", "fewer right answers: {before} → {after}"
    ),
    "status_stable": _both("без деградации", "stable: no right answer lost"),
    "status_degraded": _both(
        (
            "деградация: потерян {n} правильный ответ ({p})",
            "деградация: потеряно {n} правильных ответа ({p})",
            "деградация: потеряно {n} правильных ответов ({p})",
        ),
        ("degradation: {n} right answer lost ({p})", "degradation: {n} right answers lost ({p})"),
    ),
    "status_lost": _both(
        (
            "потерян {n} правильный ответ (всего {before} → {after})",
            "потеряно {n} правильных ответа (всего {before} → {after})",
            "потеряно {n} правильных ответов (всего {before} → {after})",
        ),
        (
            "{n} right answer lost (in all {before} → {after})",
            "{n} right answers lost (in all {before} → {after})",
        ),
    ),
    "status_unmeasured": _both(
        "измерить нельзя: базовая модель его не знает",
        "could not be measured: the base does not know it",
    ),
    "status_named_same": _both("чужое имя так же часто", "wrong names as often as before"),
    "status_named_rarer": _both("чужое имя реже", "wrong names less often"),
    "status_named_more_often": _both("чужое имя чаще", "wrong names more often"),
    "status_named_rarer_surely": _both("чужое имя стало встречаться реже ({p})", "wrong names have become rarer ({p})"),
    "status_named_more_often_surely": _both(
        "чужое имя стало встречаться чаще ({p})", "wrong names have become more frequent ({p})"
    ),
    "status_confused": _both(
        "но то же самое модель отвечает и о другом целевом персонаже: она их не различает",
        "but the same is said about another target: the model does not tell them apart",
    ),
    "status_chance": _both("может быть случайностью, {p}", "may be chance, {p}"),
    "status_needed": _both(
        (
            "для вывода нужно около {n} картинки",
            "для вывода нужно около {n} картинок",
            "для вывода нужно около {n} картинок",
        ),
        ("about {n} image would settle it", "about {n} images would settle it"),
    ),
    "evidence_tested": _both(
        "«Улучшение», «ухудшение» и «деградация» стоят только там, где их подтверждает точный тест перестановки знаков "
        "по картинкам: p не больше {alpha} с поправкой Холма на число персонажей. Где теста не хватает, сказано, что "
        "видно и сколько картинок решило бы дело. Статус говорит об одном обучении: с другим seed может выйти иначе.",
        "“Improvement”, “worse” and “degradation” stand only where the exact sign-flip test over images supports them: "
        "p of at most {alpha}, corrected after Holm for the number of characters. Elsewhere the status says what was "
        "seen and how many images would settle it. A status speaks of one training: another seed may end otherwise.",
    ),
    "evidence_missing": _both(
        "Отдельных ответов нет, только их число, поэтому проверить, не случайность ли изменение, нельзя.",
        "There are only counts, no single answers, so whether a change is more than chance cannot be tested.",
    ),
    "status_hallucination": _both(
        (
            "галлюцинация: чужое имя в {n} ответе (до дообучения: {before})",
            "галлюцинация: чужое имя в {n} ответах (до дообучения: {before})",
            "галлюцинация: чужое имя в {n} ответах (до дообучения: {before})",
        ),
        (
            "hallucination: a wrong name in {n} answer (before: {before})",
            "hallucination: a wrong name in {n} answers (before: {before})",
        ),
    ),
    "status_no_longer_wrong": _both(
        "чужих имён больше нет (до дообучения: {before})", "no wrong names any more (before: {before})"
    ),
    "status_quote": _both("например, «{quote}»", "for example, “{quote}”"),
    "status_abstained": _both(
        (
            "«не знаю» {n} раз (до дообучения: {before})",
            "«не знаю» {n} раза (до дообучения: {before})",
            "«не знаю» {n} раз (до дообучения: {before})",
        ),
        ("“I do not know” {n} time (before: {before})", "“I do not know” {n} times (before: {before})"),
    ),
    "times": _both(("{n} раз", "{n} раза", "{n} раз"), ("{n} time", "{n} times")),
    "and_more": _both(
        ("{names} и ещё {n} имя", "{names} и ещё {n} имени", "{names} и ещё {n} имён"),
        ("{names} and {n} more name", "{names} and {n} more names"),
    ),
    # The best configuration and why
    "best_is_baseline": _both(
        "Это ручная конфигурация: поиск её пока не превзошёл.",
        "This is a hand-made configuration: the search has not beaten it so far.",
    ),
    "against_baseline": _both(
        "Лучшая ручная конфигурация, {other}: score {score}, разница {difference}. Вклад частей в неё, с "
        "весами: {parts}.",
        "Best hand-made configuration, {other}: score {score}, difference {difference}. What the parts add to this "
        "difference, weighted: {parts}.",
    ),
    "against_next": _both(
        "Следующая по оценке, {other}: score {score}, разница {difference}. Вклад частей в неё, с весами: {parts}.",
        "Next best, {other}: score {score}, difference {difference}. What the parts add to this difference, weighted: "
        "{parts}.",
    ),
    "decided_by_margin": _both(
        "Оценки равны; порядок решил name_margin: {margin} против {other_margin}.",
        "Their scores are equal; name_margin decided: {margin} against {other_margin}.",
    ),
    "share": _both("{name} ({count} из {asked})", "{name} ({count} of {asked})"),
    "most_improved": _both("Наибольшее улучшение: {names}.", "Largest improvement: {names}."),
    "none_improved": _both("Ни один целевой персонаж не улучшился.", "No target improved."),
    "unlearnt": _both(
        "Не выучены (правильных ответов меньше половины): {names}.",
        "Remain unlearnt (fewer than half of the answers right): {names}.",
    ),
    "all_learnt": _both(
        "Невыученных нет: у каждого целевого персонажа правильных ответов не меньше половины.",
        "None remains unlearnt: each target has at least half of its answers right.",
    ),
    "degraded": _both("Потеряны правильные ответы: {names}.", "Right answers lost: {names}."),
    "none_degraded": _both("Ни один правильный ответ не потерян: {names}.", "No right answer lost: {names}."),
    "degradation_unmeasured": _both(
        "Контрольных персонажей, которых знает базовая модель, нет: забывание не измерено.",
        "There is no control that the base knows: forgetting was not measured.",
    ),
    # Times and charts
    "hours": _both("{hours} ч {minutes} мин", "{hours} h {minutes} min"),
    "minutes": _both("{minutes} мин {seconds} с", "{minutes} min {seconds} s"),
    "chart_of": _both(
        "Кривые обучения {name}; пунктир стоит на лучшей эпохе",
        "Training curves of {name}; the dotted line stands at the best epoch",
    ),
    "chart_trials": _both("Оценки испытаний", "Scores of the trials"),
    "axis_epoch": _both("эпоха", "epoch"),
    "axis_trial": _both("номер испытания", "trial number"),
    "best_so_far": _both("лучшая к этому моменту", "best so far"),
    "best_baseline": _both("лучшая ручная", "best hand-made"),
    "chart_searched": _both("найденная поиском", "searched"),
    "chart_baseline": _both("ручная", "hand-made"),
    "chart_failed": _both("сбой", "failed"),
    "chart_nothing": _both("нет данных", "no data"),
    # The interface of report.html
    "html_contents": _both("Содержание", "Contents"),
    "html_skip": _both("Перейти к тексту", "Skip to the text"),
    "html_noscript": _both(
        "Без JavaScript нет сортировки, поиска, интерактивных графиков и просмотра ответов; остальное на месте.",
        "Without JavaScript there is no sorting, filtering, chart to explore or answers browser; the rest is here.",
    ),
    "html_good": _both("хорошо", "good"),
    "html_bad": _both("плохо", "bad"),
    "html_unsure": _both("не доказано", "not proven"),
    "html_filter": _both("Найти в таблице", "Find in the table"),
    "html_count": _both("Показано {shown} из {all}", "{shown} of {all} shown"),
    "html_nothing": _both("Ничего не найдено", "Nothing found"),
    "html_character": _both("Персонаж", "Character"),
    "html_trial": _both("Испытание", "Trial"),
    "html_grade_before": _both("Оценка до", "Grade before"),
    "html_grade_after": _both("Оценка после", "Grade after"),
    "html_changed": _both("только изменившиеся", "changed only"),
    "html_any": _both("все", "all"),
    "html_more": _both("Показать ещё", "Show more"),
    "html_gold": _both("Эталон", "Expected"),
    "html_before": _both("До", "Before"),
    "html_after": _both("После", "After"),
    "html_no_picture": _both("картинки нет", "no picture"),
    "html_empty": _both("пустой ответ", "empty answer"),
    "html_copy": _both("Копировать", "Copy"),
    "html_copied": _both("Скопировано", "Copied"),
    "html_grade_correct": _both("верно", "correct"),
    "html_grade_mixed": _both("верно, но назван и другой", "right, but names another too"),
    "html_grade_wrong_known": _both("назван другой персонаж", "names another character"),
    "html_grade_wrong_unknown": _both("названо имя вне набора", "names someone outside the study"),
    "html_grade_wrong_fact": _both("неверный факт", "wrong fact"),
    "html_grade_abstain": _both("не знает", "does not know"),
    "html_grade_no_name": _both("имени нет", "no name"),
}
