"""The sentences of a report's sections, as (Russian, English); `analysis.messages.table` holds the whole table."""

from __future__ import annotations

Forms = str | tuple[str, ...]

SECTIONS: dict[str, tuple[Forms, Forms]] = {
    "subtitle": (
        "Каждое число и каждое слово здесь вычислены по журналу испытаний; отчёт можно составить и пока поиск идёт.",
        "Every number and every word here is computed from the ledger of trials, also while the search runs.",
    ),
    # The verdict
    "verdict": ("Итог за минуту", "The verdict in a minute"),
    "verdict_tried": ("Что пробовали", "What was tried"),
    "verdict_won": ("Что победило", "What won"),
    "verdict_real": ("Настоящая ли это победа", "Is it real"),
    "verdict_best": ("Лучшая конфигурация", "The best configuration"),
    "verdict_checked": ("Как это проверено", "How it was checked"),
    "verdict_broke": ("Что сломалось", "What broke"),
    "verdict_next": ("Что делать дальше", "What to do next"),
    "headline_nothing": (
        "Итога пока нет: ни у одного испытания нет оценки.",
        "No verdict yet: no trial has a score.",
    ),
    "headline_unchecked": (
        "Пока впереди {name} (score {score}), но эта победа не проверена: оценка завышена выбором лучшего из многих.",
        "{name} is ahead (score {score}), but unchecked: choosing the best of many overstates its score.",
    ),
    "headline_unopened": (
        "Победила {name} (score {score} на вопросах search); вопросы test, которых выбор не видел, ещё не открыты.",
        "{name} won (score {score} on the search probes); the test probes, unseen by the choice, are still unopened.",
    ),
    "headline_untested": (
        "Победила {name} (score {score} на вопросах search); в исследовании нет вопросов test, чтобы это проверить.",
        "{name} won (score {score} on the search probes); the study has no test probes to check it with.",
    ),
    "headline_baseline": (
        "Лучшей осталась ручная конфигурация {name}: поиск не нашёл ничего лучше.",
        "The hand-made configuration {name} is still the best: the search found nothing better.",
    ),
    "headline_better": (
        "Победила {name}, и это не случайность: на вопросах test она лучше лучшей ручной конфигурации, {other}.",
        "{name} won, and not by chance: on the test probes it beats the best hand-made configuration, {other}.",
    ),
    "headline_maybe": (
        "Победила {name}, но её отличие от лучшей ручной конфигурации, {other}, может быть случайным.",
        "{name} won, but its difference from the best hand-made configuration, {other}, may be chance.",
    ),
    "headline_worse": (
        "По вопросам search победила {name}, но на вопросах test она хуже лучшей ручной конфигурации, {other}.",
        "{name} won on the search probes, but on the test probes it is worse than the best hand-made one, {other}.",
    ),
    "headline_nothing_beats": (
        "Ни одна конфигурация не лучше модели без дообучения: у лучшей, {name}, score {score} на вопросах {split}, а у "
        "модели без дообучения 0.",
        "Nothing beats the untouched model: the best configuration, {name}, has a score of {score} on the {split} "
        "probes, the untouched model has 0.",
    ),
    "headline_invents": (
        "{name} впереди, но зовёт чужим именем: в {share} ответов на вопросы {split} (до дообучения в {before}).",
        "{name} is ahead, but it names wrongly: in {share} of its answers to the {split} probes ({before} before).",
    ),
    "headline_helps": (
        "Победила {name}, и это не случайность: на вопросах test она лучше модели без дообучения.",
        "{name} won, and not by chance: on the test probes it is better than the model without fine-tuning.",
    ),
    "headline_no_help": (
        "Не доказано, что хоть одна конфигурация лучше модели без дообучения; впереди {name} (score {score} на "
        "вопросах {split}).",
        "No configuration is shown to be better than the untouched model; {name} is ahead (score {score} on the "
        "{split} probes).",
    ),
    "tried_configurations": (
        ("{n} конфигурация LoRA", "{n} конфигурации LoRA", "{n} конфигураций LoRA"),
        ("{n} LoRA configuration", "{n} LoRA configurations"),
    ),
    "tried_of": (
        "(ручных {baselines}, найденных поиском {searched}).",
        "({baselines} hand-made, {searched} found by the search).",
    ),
    "tried_targets": (
        "Модель учили узнавать: {names}.",
        "The model was taught to recognise: {names}.",
    ),
    "tried_controls": (
        "При этом она не должна забыть: {names}.",
        "It must not forget: {names}.",
    ),
    "tried_negatives": (
        "И не должна звать чужими именами тех, кого не учила: {names}.",
        "And it must not call by others' names those it was not taught: {names}.",
    ),
    "tried_time": ("Время обучения: {time}.", "Training time: {time}."),
    "tried_unfinished": (
        ("Ещё не закончено {n} испытание.", "Ещё не закончены {n} испытания.", "Ещё не закончены {n} испытаний."),
        ("{n} trial has not ended yet.", "{n} trials have not ended yet."),
    ),
    "won_searched": ("{name}, найдена поиском.", "{name}, found by the search."),
    "won_baseline": ("{name}, ручная конфигурация.", "{name}, a hand-made configuration."),
    "won_configuration": ("Настройки: {settings}.", "Settings: {settings}."),
    "won_learnt": (
        "Правильных ответов о целевых персонажах (вопросы {split}): {before} → {after}.",
        "Right answers about the targets ({split} probes): {before} → {after}.",
    ),
    "won_kept": ("О контрольных: {before} → {after}.", "About the controls: {before} → {after}."),
    "won_abstained": (
        "«Не знаю»: о целевых {targets}, о посторонних {strangers}.",
        "“I do not know”: {targets} about the targets, {strangers} about the negatives.",
    ),
    "won_strangers": (
        "Чужим именем названы посторонние: из обучения {seen}, не виденные в обучении {unseen}.",
        "Negatives called by a wrong name: {seen} of those in training, {unseen} of those it never saw.",
    ),
    "won_wrong": (
        "Ответов с чужим именем: {before} → {after}.",
        "Answers with a wrong name: {before} → {after}.",
    ),
    "real_checked": (
        (
            "Проверено: {n} повтор с новым seed, оценка по вопросам test, которых выбор не видел.",
            "Проверено: {n} повтора с новыми seed, оценка по вопросам test, которых выбор не видел.",
            "Проверено: {n} повторов с новыми seed, оценка по вопросам test, которых выбор не видел.",
        ),
        (
            "Checked: {n} repeat with a fresh seed, scored on the test probes, which the choice had not seen.",
            "Checked: {n} repeats with fresh seeds, scored on the test probes, which the choice had not seen.",
        ),
    ),
    "real_unopened": (
        (
            "Проверено наполовину: {n} повтор с новым seed, но вопросы test ещё не открыты.",
            "Проверено наполовину: {n} повтора с новыми seed, но вопросы test ещё не открыты.",
            "Проверено наполовину: {n} повторов с новыми seed, но вопросы test ещё не открыты.",
        ),
        (
            "Half checked: {n} repeat with a fresh seed, but the test probes are still unopened.",
            "Half checked: {n} repeats with fresh seeds, but the test probes are still unopened.",
        ),
    ),
    "real_untested": (
        (
            "Проверено наполовину: {n} повтор с новым seed; вопросов test в исследовании нет.",
            "Проверено наполовину: {n} повтора с новыми seed; вопросов test в исследовании нет.",
            "Проверено наполовину: {n} повторов с новыми seed; вопросов test в исследовании нет.",
        ),
        (
            "Half checked: {n} repeat with a fresh seed; the study has no test probes.",
            "Half checked: {n} repeats with fresh seeds; the study has no test probes.",
        ),
    ),
    "real_in_progress": (
        "Проверяется: финалисты обучены заново не все; до конца оценка ниже завышена выбором.",
        "Being checked: not all finalists are trained again; until then the score below is overstated by selection.",
    ),
    "real_unchecked": (
        (
            "Не проверено: {n} конфигурация обучена один раз и заново не обучалась.",
            "Не проверено: это лучшая из {n} конфигураций, и заново её не обучали; такая оценка завышена выбором, а "
            "интервалы ниже выбора не учитывают.",
            "Не проверено: это лучшая из {n} конфигураций, и заново её не обучали; такая оценка завышена выбором, а "
            "интервалы ниже выбора не учитывают.",
        ),
        (
            "Unchecked: {n} configuration was trained once and not again.",
            "Unchecked: it is the best of {n} configurations and was not trained again; such a score is overstated by "
            "selection, which the intervals below know nothing of.",
        ),
    ),
    "real_score": (
        "Её score на вопросах {split}: {score} ({between}); у модели без дообучения 0.",
        "Its score on the {split} probes: {score} ({between}); without fine-tuning it is 0.",
    ),
    "real_learnt": (
        (
            "Улучшение сверх случайного в каждом из обучений ({n}): {names}.",
            "Улучшение сверх случайного в каждом из обучений ({n}): {names}.",
            "Улучшение сверх случайного в каждом из обучений ({n}): {names}.",
        ),
        (
            "Improved beyond chance in its {n} training: {names}.",
            "Improved beyond chance in each of its {n} trainings: {names}.",
        ),
    ),
    "real_ahead": (
        "У {rival}, {other}: {score}. Разница {difference} ({between}): ноль вне интервала.",
        "The {rival}, {other}, has {score}. Difference {difference} ({between}): zero is outside.",
    ),
    "real_behind": (
        "У {rival}, {other}: {score}. Разница {difference} ({between}): она хуже.",
        "The {rival}, {other}, has {score}. Difference {difference} ({between}): it is worse.",
    ),
    "real_chance": (
        "У {rival}, {other}: {score}. Разница {difference} ({between}): может быть случайной.",
        "The {rival}, {other}, has {score}. Difference {difference} ({between}): it may be chance.",
    ),
    "rival_baseline": ("лучшей ручной конфигурации", "best hand-made configuration"),
    "rival_searched": ("лучшей из найденных поиском", "best that the search found"),
    "between": ("95 %: от {low} до {high}", "95 %: {low} to {high}"),
    "between_unknown": ("интервал не вычислить: картинок слишком мало", "no interval: too few images"),
    "broke_forgot": ("Забыто: {names}.", "Forgotten: {names}."),
    "broke_forgot_maybe": (
        "Потеряно, но может быть случайностью: {names}.",
        "Lost, but it may be chance: {names}.",
    ),
    "broke_forgot_none": (
        "Не забыто: {names}; ни один правильный ответ не потерян.",
        "Not forgotten: {names}; no right answer was lost.",
    ),
    "broke_unmeasured": (
        "Забыто ли, измерить нельзя, ведь базовая модель не знает: {names}.",
        "Whether it was forgotten could not be measured, for the base does not know: {names}.",
    ),
    "broke_odds": (
        "Вероятность верного имени после обучения относится к вероятности лучшего из чужих лишь как {odds} к 1: модель "
        "едва различает эти картинки.",
        "After training the right name is only {odds} times as likely as the best wrong one: the model hardly tells "
        "these pictures apart.",
    ),
    "broke_named": (
        "Чаще прежнего зовёт чужим именем: {names}.",
        "Calls by a wrong name more often than before: {names}.",
    ),
    "broke_taken": (
        "{name} ({count} из {asked}, чаще всего «{other}»)",
        "{name} ({count} of {asked}, mostly “{other}”)",
    ),
    "and_more_characters": (
        ("{names} и ещё {n} персонажа", "{names} и ещё {n} персонажей", "{names} и ещё {n} персонажей"),
        ("{names} and {n} more character", "{names} and {n} more characters"),
    ),
    "broke_failed": (
        (
            "Сбоем кончилось {n} испытание; причина в таблице всех испытаний.",
            "Сбоем кончились {n} испытания; причины в таблице всех испытаний.",
            "Сбоем кончились {n} испытаний; причины в таблице всех испытаний.",
        ),
        (
            "{n} trial failed; the table of all trials says why.",
            "{n} trials failed; the table of all trials says why.",
        ),
    ),
    # What next
    "step_wait": ("Поиск идёт: дождитесь его конца.", "The search is running: wait for it to end."),
    "step_resume": (
        (
            "Закончить поиск: не завершено {n} испытание.",
            "Закончить поиск: не завершены {n} испытания.",
            "Закончить поиск: не завершены {n} испытаний.",
        ),
        ("Finish the search: {n} trial has not ended.", "Finish the search: {n} trials have not ended."),
    ),
    "step_unknown_controls": (
        "Базовая модель не знает ни одного контрольного: {names}. Начать заново с недостающими псевдонимами или "
        "другими контрольными; или искать, не измеряя забывания.",
        "The base knows none of the controls: {names}. Launch anew with the aliases that are missing or with other "
        "controls; or search without measuring what is forgotten.",
    ),
    "step_retry": (
        (
            "Повторить {n} испытание со сбоем, устранив причину.",
            "Повторить {n} испытания со сбоем, устранив причину.",
            "Повторить {n} испытаний со сбоем, устранив причину.",
        ),
        (
            "Run {n} failed trial again when its cause is removed.",
            "Run {n} failed trials again when their causes are removed.",
        ),
    ),
    "step_export": (
        "Сохранить адаптер лучшей конфигурации.",
        "Save the adapter of the best configuration.",
    ),
    "step_export_unproven": (
        "Сохранить адаптер можно, чтобы его испробовать: что он лучше модели без дообучения, ещё не доказано.",
        "The adapter can be saved to try it out: that it is better than the untouched model is not shown yet.",
    ),
    "step_no_help": (
        "Адаптер не сохранять: он не лучше модели без дообучения (score {score} на вопросах {split}).",
        "Do not keep the adapter: it is no better than the untouched model (score {score} on the {split} probes).",
    ),
    "step_invents": (
        "Адаптер не сохранять: чужое имя в {share} ответов на вопросы {split} (допустимо {limit}).",
        "Do not keep the adapter: it names wrongly in {share} of its answers to the {split} probes ({limit} at most).",
    ),
    "step_add_negatives": (
        "Добавить посторонних, похожих на целевых: без них модель зовёт новыми именами всех подряд. Часть их картинок "
        "нужна в replay, и хотя бы один посторонний должен остаться вне обучения.",
        "Add negatives that look like the targets: without them everybody gets the new names. Some of their pictures "
        "belong in replay, and at least one negative must stay out of training.",
    ),
    "step_replay_negatives": (
        "Посторонних модель зовёт чужим именем в {share} ответов. Добавить в replay картинки разных посторонних без "
        "поля answer: модель останется при своём прежнем ответе о них. Хотя бы один должен остаться вне обучения.",
        "Negatives are called by a wrong name in {share} of the answers. Add pictures of different negatives to "
        "replay, without an answer: the model keeps to what it said of them. At least one must stay out of training.",
    ),
    "step_more_strangers": (
        "Посторонних, которых в обучении не было, модель зовёт чужим именем в {share} ответов: добавить в replay "
        "посторонних, непохожих друг на друга.",
        "Negatives that training never showed are called by a wrong name in {share} of the answers: add strangers to "
        "replay, as different from each other as can be.",
    ),
    "step_space": (
        "Искать в пространстве, где есть replay, KL и масштаб адаптера: в этом ни одна конфигурация на строках replay "
        "не училась.",
        "Search a space with replay, KL and the adapter's scale: here no configuration trained on the replay rows.",
    ),
    "step_search_on": (
        "Искать дальше: лучшая из конфигураций на строках replay не училась, а такие в пространстве есть.",
        "Search on: the best configuration did not train on the replay rows, and the space has some that do.",
    ),
    "step_other_base": (
        "Взять картинки, которые различаются яснее, или другую базовую модель: эта их едва различает, и настройки тут "
        "не помогут.",
        "Take pictures that differ more clearly, or another base model: this one hardly tells them apart, and no "
        "setting will help.",
    ),
    "step_confused": (
        "Добавить обучающих картинок и посторонних там, где имена путаются чаще всего: {names}.",
        "Add training pictures and negatives where names are confused most: {names}.",
    ),
    "step_finalists": (
        "Проверить победу: новый поиск с финалистами обучит лучших заново и откроет вопросы test.",
        "Check the victory: a new search with finalists trains the best again and opens the test probes.",
    ),
    "step_more_probes": (
        "Чтобы отличить лучшую от соперника, добавить в исследование картинок с вопросами test и повторов финалистов.",
        "To tell the best from its rival, add images with test probes to the study, and repeats of the finalists.",
    ),
    "step_images": (
        "Добавить обучающих картинок тем, кто не выучен: {names}.",
        "Add training images of those that remain unlearnt: {names}.",
    ),
    # Overview and how to read
    "hardware": ("Железо", "Hardware"),
    "cores": (("{n} ядро", "{n} ядра", "{n} ядер"), ("{n} core", "{n} cores")),
    "memory": ("память {gib} ГиБ", "{gib} GiB of memory"),
    "of_them_repeats": (
        ("из них {n} повтор финалистов", "из них {n} повтора финалистов", "из них {n} повторов финалистов"),
        ("{n} of them a finalist's repeat", "{n} of them finalists' repeats"),
    ),
    "settings_pareto": (
        "цель: gain против degradation и hallucination",
        "objective: gain against degradation and hallucination",
    ),
    "settings_limit": ("degradation не больше {limit}", "degradation at most {limit}"),
    "run_folder": ("Папка поиска", "Run"),
    "run_folder_is": ("{run}, начат {created}", "{run}, begun {created}"),
    "score_example": (
        "Модель без дообучения имеет score 0; 1 значит: все целевые персонажи выучены, ничего не забыто, чужих имён не "
        "прибавилось; меньше 0: дообучение навредило больше, чем помогло.",
        "A model without fine-tuning has a score of 0; 1 means that all targets are learnt, nothing is forgotten and "
        "wrong names are no more frequent; below 0 fine-tuning did more harm than good.",
    ),
    "splits": (
        "Конфигурации выбираются по вопросам search; вопросы test открываются один раз, когда победитель уже выбран.",
        "Configurations are chosen on the search probes; the test probes are opened once, when the winner is chosen.",
    ),
    "intervals": (
        "Интервалы 95-процентные: для долей по Уилсону, для score бутстрэп по картинкам, с разбросом повторов, "
        "где их хотя бы два (он считается общим для всех финалистов).",
        "Intervals are of 95 %: Wilson's for shares of answers, for the score a bootstrap over images, with the spread "
        "of repeats where there are at least two (taken for the same in all finalists).",
    ),
    # Finalists
    "finalists": ("Финалисты: поиск, повтор, test", "Finalists: search, re-trained, test"),
    "finalists_why": (
        "Лучшая из многих оценок отчасти удача. Поэтому лучшие конфигурации и все ручные обучаются заново с новыми "
        "seed, победителя выбирает среднее этих повторов, и лишь потом открываются вопросы test.",
        "The best of many scores is in part luck. So the best configurations and all hand-made ones are trained again "
        "with fresh seeds, the mean of these repeats names the winner, and only then the test probes are opened.",
    ),
    "finalists_off": (
        "Здесь это выключено (--finalists 0), поэтому все оценки ниже завышены выбором.",
        "It was turned off here (--finalists 0), so all scores below are overstated by selection.",
    ),
    "finalists_later": (
        "До этого поиск ещё не дошёл.",
        "The search has not come to that yet.",
    ),
    "finalists_few": (
        (
            "Здесь финалистов нет: сами они появляются, когда оценено не меньше {n} испытания поиска; иначе их просит "
            "--finalists.",
            "Здесь финалистов нет: сами они появляются, когда оценено не меньше {n} испытаний поиска; иначе их просит "
            "--finalists.",
            "Здесь финалистов нет: сами они появляются, когда оценено не меньше {n} испытаний поиска; иначе их просит "
            "--finalists.",
        ),
        (
            "There are no finalists here: they come by themselves from {n} scored trial of the search on, else with "
            "--finalists.",
            "There are no finalists here: they come by themselves from {n} scored trials of the search on, else with "
            "--finalists.",
        ),
    ),
    "finalists_in_progress": (
        "Не все повторы закончены: победителя ещё нет.",
        "Not all repeats have ended: there is no winner yet.",
    ),
    "final_search": ("search, по которой выбран", "search, chosen by"),
    "final_mean": ("search повторов, среднее", "search re-trained, mean"),
    "final_worst": ("худший", "worst"),
    "final_best": ("лучший", "best"),
    "final_repeats": ("повторов", "repeats"),
    "final_test": ("test, среднее", "test, mean"),
    "final_interval": ("test, интервал", "test, interval"),
    "optimism_retrained": ("search − повтор", "search − re-trained"),
    "optimism_test": ("search − test", "search − test"),
    "final_winner": ("{name}, победитель", "{name}, the winner"),
    "of": ("{count} из {asked}", "{count} of {asked}"),
    "optimism_of_retrained": (
        (
            "Оценка search, по которой выбирали, завышена против повторов на {difference} (финалистов: {n}).",
            "Оценка search, по которой выбирали, завышена против повторов в среднем на {difference} (финалистов: {n}).",
            "Оценка search, по которой выбирали, завышена против повторов в среднем на {difference} (финалистов: {n}).",
        ),
        (
            "The search score of the choice overstates the repeats by {difference} ({n} finalist).",
            "The search score of the choice overstates the repeats by {difference} ({n} finalists, mean).",
        ),
    ),
    "optimism_of_test": (
        (
            "Против вопросов test она завышена на {difference} (финалистов: {n}).",
            "Против вопросов test она завышена в среднем на {difference} (финалистов: {n}).",
            "Против вопросов test она завышена в среднем на {difference} (финалистов: {n}).",
        ),
        (
            "It overstates the test probes by {difference} ({n} finalist).",
            "It overstates the test probes by {difference} ({n} finalists, mean).",
        ),
    ),
    # Trade-offs and the best
    "trade_offs": ("Что на что меняется", "What is traded for what"),
    "pareto_why": (
        (
            "Из {scored} оценённых конфигураций непревзойдённых {n}: у любой другой хуже gain, degradation или "
            "hallucination, и ничего не лучше.",
            "Из {scored} оценённых конфигураций непревзойдённых {n}: улучшить в них одно можно, лишь ухудшив другое.",
            "Из {scored} оценённых конфигураций непревзойдённых {n}: улучшить в них одно можно, лишь ухудшив другое.",
        ),
        (
            "Of {scored} scored configurations {n} is unsurpassed: all others have a worse gain, degradation or "
            "hallucination and nothing better.",
            "Of {scored} scored configurations {n} are unsurpassed: one part can be bettered only at another's cost.",
        ),
    ),
    "pareto_infeasible": (
        (
            "За пределом degradation {limit} осталась {n} конфигурация.",
            "За пределом degradation {limit} остались {n} конфигурации.",
            "За пределом degradation {limit} остались {n} конфигураций.",
        ),
        (
            "{n} configuration is beyond the limit of degradation, {limit}.",
            "{n} configurations are beyond the limit of degradation, {limit}.",
        ),
    ),
    "chart_pareto": (
        "gain и degradation каждой конфигурации: лучшее вверху слева",
        "Gain and degradation of each configuration: the best is at the top left",
    ),
    "chart_front": ("непревзойдённые", "unsurpassed"),
    "chart_dominated": ("остальные", "the others"),
    "chart_beyond": ("за пределом degradation", "beyond the limit of degradation"),
    "axis_gain": ("gain: выучено", "gain: learnt"),
    "axis_degradation": ("degradation: забыто", "degradation: forgotten"),
    "why_better": (
        "Из чего складывается score лучшей, {name}, и её отличие от {other}:",
        "What the score of the best, {name}, and its difference from {other} are made of:",
    ),
    "why_better_repeats": (
        "Из чего складывается score лучшей, {name}, и её отличие от {other}, в среднем по повторам:",
        "What the score of the best, {name}, and its difference from {other} are made of, in the mean of repeats:",
    ),
    "part": ("Часть", "Part"),
    "part_adds": ("Вклад в разницу, с весом", "Adds to the difference, weighted"),
    "best_is": ("Лучший подход: {name}.", "The best approach: {name}."),
    "best_wrong": (
        "Чужое имя в {wrong} из {asked} ответов ({share}).",
        "A wrong name in {wrong} of {asked} answers ({share}).",
    ),
    "adapter_scale": ("Множитель адаптера", "Scale of the adapter"),
    "chosen_by": ("Чем выбрана", "Chosen by"),
    "chosen_by_search": (
        "лучшая оценка поиска, {score}; заново не обучалась",
        "the best score of the search, {score}; not trained again",
    ),
    "chosen_by_repeats": (
        (
            "лучшее среднее повторов: {mean} ({n} повтор; в поиске было {score})",
            "лучшее среднее повторов: {mean} ({n} повтора; в поиске было {score})",
            "лучшее среднее повторов: {mean} ({n} повторов; в поиске было {score})",
        ),
        (
            "the best mean of repeats: {mean} ({n} repeat; {score} in the search)",
            "the best mean of repeats: {mean} ({n} repeats; {score} in the search)",
        ),
    ),
    # Trials
    "shown_trials": ("Результаты по испытаниям", "Results by trial"),
    "shown_why": (
        "Ответы на вопросы search до и после дообучения. Другие испытания показывает --trials.",
        "Answers to the search probes before and after fine-tuning. --trials shows other trials.",
    ),
    "all_images": ("все картинки персонажа", "all images of a character"),
    "images_each": (
        ("по {n} картинке на персонажа", "по {n} картинки на персонажа", "по {n} картинок на персонажа"),
        ("{n} image of each character", "{n} images of each character"),
    ),
    "result_test": ("На вопросах test", "On the test probes"),
    "limit": ("Предел", "Limit"),
    "infeasible": ("degradation больше разрешённой: победить не может", "degradation beyond the limit: it cannot win"),
    "beyond_limit": ("за пределом", "beyond the limit"),
    "all_trials_why": (
        "Лучшие сверху, сбои внизу; настройки, одинаковые у всех, не показаны.",
        "The best first, failed ones last; settings that all of them share are left out.",
    ),
    "parallel": ("Конфигурации линиями", "Configurations as lines"),
    "parallel_why": (
        "Линия — одна конфигурация: на каждой оси её значение, от наименьшего внизу до наибольшего вверху.",
        "A line is one configuration: on each axis its value, from the least at the bottom to the greatest at the top.",
    ),
    "parallel_caption": ("Настройки и score каждой конфигурации", "Settings and score of each configuration"),
    "parallel_few": (
        "Для такого рисунка нужно хотя бы три оценённых испытания.",
        "Such a chart needs at least three scored trials.",
    ),
    "axis_parallel": ("от наименьшего до наибольшего", "from least to greatest"),
    "best_third": ("лучшая треть", "best third"),
    "middle_third": ("средняя треть", "middle third"),
    "worst_third": ("худшая треть", "worst third"),
    # Characters
    "successes": ("✅ Успешные улучшения", "✅ Successes"),
    "no_successes": ("Пока ни один целевой персонаж не улучшился.", "No target has improved so far."),
    "success_best": ("лучше всего {names}.", "best with {names}."),
    "success_count": (
        (
            "Правильных ответов прибавилось в {n} из {tried} конфигураций.",
            "Правильных ответов прибавилось в {n} из {tried} конфигураций.",
            "Правильных ответов прибавилось в {n} из {tried} конфигураций.",
        ),
        (
            "Right answers rose with {n} of {tried} configurations.",
            "Right answers rose with {n} of {tried} configurations.",
        ),
    ),
    "success_alike": (
        (
            "Общее у {n} лучшей: {settings}.",
            "Общее у {n} лучших, чего нет у всех: {settings}.",
            "Общее у {n} лучших, чего нет у всех: {settings}.",
        ),
        (
            "The best {n} has: {settings}.",
            "The best {n} share what not all have: {settings}.",
        ),
    ),
    "success_unlike": (
        "Общих настроек, которых нет у остальных, у лучших не видно.",
        "The best share no setting that the others lack.",
    ),
    "alike_note": (
        "Общее у немногих лучших может быть совпадением: что настройка значит сама по себе, говорит раздел о влиянии "
        "настроек.",
        "What a few of the best share may be coincidence: the section on settings says what each does by itself.",
    ),
    "change": ("{before} → {after} из {asked}", "{before} → {after} of {asked}"),
    "problems": ("❌ Проблемные области", "❌ Problem areas"),
    "no_problems": (
        "Лучшая конфигурация выучила каждого целевого персонажа, и ни одна не потеряла правильных ответов о "
        "контрольных, которых знает базовая модель.",
        "The best configuration learnt each target, and none lost right answers about controls that the base knows.",
    ),
    "weak_none": (
        (
            "Половины правильных ответов не дала ни одна конфигурация (всего {n}).",
            "Половины правильных ответов не дала ни одна из {n} конфигураций.",
            "Половины правильных ответов не дала ни одна из {n} конфигураций.",
        ),
        (
            "No configuration ({n} in all) answers half of the questions right.",
            "None of {n} configurations answers half of the questions right.",
        ),
    ),
    "weak_some": (
        (
            "Половину правильных ответов дала {n} из {tried} конфигураций.",
            "Половину правильных ответов дали {n} из {tried} конфигураций.",
            "Половину правильных ответов дали {n} из {tried} конфигураций.",
        ),
        (
            "{n} of {tried} configurations answers half of the questions right.",
            "{n} of {tried} configurations answer half of the questions right.",
        ),
    ),
    "weak_own": ("у лучшей конфигурации {change}.", "{change} with the best configuration."),
    "weak_best": ("Больше всего дала {change}.", "The most came from {change}."),
    "weak_taken": (
        "Чужие имена, с числом конфигураций: {names}.",
        "Wrong names, with the number of configurations: {names}.",
    ),
    "weak_images": (
        "Обучающих картинок {images}, у других целевых в среднем {others}: не хватает данных.",
        "{images} training images, {others} of other targets in the mean: too little data.",
    ),
    "forgotten": (
        "правильные ответы теряли, в стольких конфигурациях: {names}.",
        "lost right answers with so many configurations: {names}.",
    ),
    "target_best": ("Правильно в лучшей", "Right with the best"),
    "target_mean": ("В среднем", "In the mean"),
    "target_learners": ("Выучили (не меньше половины)", "Learnt (at least half)"),
    "target_taken": ("За кого принимали (в скольких)", "Taken for (with how many)"),
    "images_unknown": (
        "Сколько обучающих картинок у каждого персонажа, неизвестно.",
        "How many training images each character has is not known.",
    ),
    "images_equal": (
        (
            "Перекоса в данных нет: у каждого целевого персонажа {n} обучающая картинка.",
            "Перекоса в данных нет: у каждого целевого персонажа {n} обучающие картинки.",
            "Перекоса в данных нет: у каждого целевого персонажа {n} обучающих картинок.",
        ),
        (
            "The data are balanced: each target has {n} training image.",
            "The data are balanced: each target has {n} training images.",
        ),
    ),
    "images_unequal": (
        "Обучающих картинок больше всего у {most} ({count_most}), меньше всего у {least} ({count_least}): разница в "
        "{ratio} раза.",
        "Most training images are of {most} ({count_most}), fewest of {least} ({count_least}): {ratio} times as many.",
    ),
    "confusion_before": ("Кого за кого принимают: до дообучения", "Who is taken for whom: before fine-tuning"),
    "confusion_after": ("Кого за кого принимают: после {name}", "Who is taken for whom: after {name}"),
    "shown_named": ("показан ↓ / назван →", "shown ↓ / named →"),
    "named_unknown": ("«не знаю»", "“I do not know”"),
    "named_nobody": ("без имени или неверно", "no name, or wrong"),
    "stability": ("🔒 Отсутствие деградации", "🔒 No degradation"),
    "no_controls": (
        "Контрольных персонажей, которых знает базовая модель, нет, или их ещё не спрашивали.",
        "There are no controls that the base knows, or they were not asked yet.",
    ),
    "unmeasured": (
        "измерить нельзя: базовая модель отвечает правильно на {right} из {asked} вопросов search. Чаще всего: {said}. "
        "Если среди этого её имя, его не хватает в aliases.",
        "could not be measured: the base answers {right} of {asked} search probes right. Mostly: {said}. If its name "
        "is among these, it is missing in aliases.",
    ),
    "said_times": ("«{text}» ({count})", "“{text}” ({count})"),
    "kept_always": (
        (
            "стабильно: {n} конфигурация, ничего не потеряно и чужих имён нет.",
            "стабильно во всех {n} конфигурациях: ничего не потеряно и чужих имён нет.",
            "стабильно во всех {n} конфигурациях: ничего не потеряно и чужих имён нет.",
        ),
        (
            "stable: {n} configuration, nothing lost and no wrong names.",
            "stable with all {n} configurations: nothing lost and no wrong names.",
        ),
    ),
    "kept_in": (
        (
            "стабильно в {n} из {tried} конфигураций; иначе: {others}.",
            "стабильно в {n} из {tried} конфигураций; иначе: {others}.",
            "стабильно в {n} из {tried} конфигураций; иначе: {others}.",
        ),
        (
            "stable with {n} of {tried} configurations; otherwise: {others}.",
            "stable with {n} of {tried} configurations; otherwise: {others}.",
        ),
    ),
    "and_more_trials": (
        ("{names}; и ещё {n}", "{names}; и ещё {n}", "{names}; и ещё {n}"),
        ("{names}; and {n} more", "{names}; and {n} more"),
    ),
    "lost_of": ("потеряно {count} из {asked}", "lost {count} of {asked}"),
    "named_as": ("чужое имя: {names}", "called {names}"),
    "named_someone": ("чужое имя", "called by a wrong name"),
    "control_stable": ("Стабильно", "Stable"),
    "control_kept": ("Без потерь", "Nothing lost"),
    "control_worst": ("Худшая потеря", "Worst loss"),
    # Knobs
    "knobs": ("📏 Влияние настроек и max_length", "📏 What the settings do, max_length among them"),
    "knobs_none": (
        "Настройки сравнить нельзя: оценённых испытаний с разными настройками пока нет.",
        "Settings cannot be compared: no scored trials differ in them so far.",
    ),
    "knobs_unsure": (
        (
            "По {n} испытанию нельзя сказать, какая настройка важна: ни один интервал не исключает нуля.",
            "По {n} испытаниям нельзя сказать, какая настройка важна: ни один интервал не исключает нуля.",
            "По {n} испытаниям нельзя сказать, какая настройка важна: ни один интервал не исключает нуля.",
        ),
        (
            "{n} trial cannot tell which setting matters: no interval leaves out zero.",
            "{n} trials cannot tell which setting matters: no interval leaves out zero.",
        ),
    ),
    "knobs_sure": (
        (
            "По {n} испытанию видно влияние: {names}. Об остальных данные не говорят.",
            "По {n} испытаниям видно влияние: {names}. Об остальных данные не говорят.",
            "По {n} испытаниям видно влияние: {names}. Об остальных данные не говорят.",
        ),
        (
            "{n} trial shows an effect of: {names}. The data cannot tell of the others.",
            "{n} trials show an effect of: {names}. The data cannot tell of the others.",
        ),
    ),
    "knob_told": (
        "{high} против {low}: score {difference} (от {lower} до {upper}; испытаний {n_high} и {n_low}).",
        "{high} against {low}: score {difference} ({lower} to {upper}; {n_high} and {n_low} trials).",
    ),
    "knob_untold": (
        "{high} против {low}: score {difference}, но интервал от {lower} до {upper} включает ноль: по {n_high} и "
        "{n_low} испытаниям сказать нельзя.",
        "{high} against {low}: score {difference}, but the interval, {lower} to {upper}, holds zero: {n_high} and "
        "{n_low} trials cannot tell.",
    ),
    "knob_no_interval": (
        "{high} против {low}: score {difference}, но по {n_high} и {n_low} испытаниям сказать нельзя: их слишком мало.",
        "{high} against {low}: score {difference}, but {n_high} and {n_low} trials are too few to tell.",
    ),
    "knob": ("Настройка", "Setting"),
    "knob_high": ("Эти значения", "These values"),
    "knob_low": ("Против этих", "Against those"),
    "knob_group": (
        ("{values} ({n} испытание)", "{values} ({n} испытания)", "{values} ({n} испытаний)"),
        ("{values} ({n} trial)", "{values} ({n} trials)"),
    ),
    "knob_effect": ("Разница score", "Score difference"),
    "knob_interval": ("Интервал", "Interval"),
    "knob_importance": ("Важность", "Importance"),
    "knob_verdict": ("Вывод", "Verdict"),
    "knob_more": ("первые лучше", "these are better"),
    "knob_less": ("вторые лучше", "those are better"),
    "knob_unclear": ("сказать нельзя: ноль в интервале", "cannot tell: zero is inside"),
    "knob_few": ("сказать нельзя: мало испытаний", "cannot tell: too few trials"),
    "knobs_method": (
        "Разница: средний score испытаний с одними значениями минус средний с другими. Интервалы Уэлча верны на 95 % "
        "для всех строк вместе (Бонферрони). Настройки, менявшиеся вместе, так не разделить.",
        "Difference: the mean score of trials with these values less that with those. Welch's intervals hold at 95 % "
        "for all rows together (Bonferroni). Settings that were varied together cannot be told apart this way.",
    ),
    "importance_method": (
        (
            "Важность: доля PED-ANOVA (Optuna) в том, попадёт ли испытание в {best} лучших из {n}.",
            "Важность: доля PED-ANOVA (Optuna) в том, попадёт ли испытание в {best} лучших из {n}.",
            "Важность: доля PED-ANOVA (Optuna) в том, попадёт ли испытание в {best} лучших из {n}.",
        ),
        (
            "Importance: the share by PED-ANOVA (Optuna) in whether a trial is among the best {best} of {n}.",
            "Importance: the share by PED-ANOVA (Optuna) in whether a trial is among the best {best} of {n}.",
        ),
    ),
    "importance_few": (
        (
            "Важность по PED-ANOVA вычисляется от {n} испытания поиска.",
            "Важность по PED-ANOVA вычисляется от {n} испытаний поиска.",
            "Важность по PED-ANOVA вычисляется от {n} испытаний поиска.",
        ),
        (
            "Importance by PED-ANOVA takes at least {n} trial of the search.",
            "Importance by PED-ANOVA takes at least {n} trials of the search.",
        ),
    ),
    "cut_none": (
        "Ни одного обучающего ответа max_length не обрезает.",
        "max_length cuts no training answer.",
    ),
    "cut_shares": (
        "Обрезано обучающих ответов при max_length: {listed}.",
        "Training answers cut, by max_length: {listed}.",
    ),
    # Cost, answers
    "cost": ("Во что это обошлось", "What it cost"),
    "cost_none": ("Ни одна эпоха ещё не закончена.", "No epoch has ended yet."),
    "cost_training": ("Обучение и оценка, всего", "Training and evaluation in all"),
    "cost_repeats": ("Из них повторы финалистов", "Repeats of finalists among them"),
    "cost_epoch": ("Эпоха, медиана", "An epoch, median"),
    "cost_gpu": ("GPU-часов", "GPU-hours"),
    "seconds": ("{seconds} с", "{seconds} s"),
    "cost_epochs": ("Эпох", "Epochs"),
    "cost_seconds_epoch": ("Секунд на эпоху", "Seconds an epoch"),
    "cost_minutes": ("Минут в эпохах", "Minutes in epochs"),
    "cost_elapsed": ("Минут от начала до конца", "Minutes from start to end"),
    "answers": ("Ответы", "Answers"),
    "answers_why": (
        "Вопросы search, верный ответ, ответ до дообучения и ответы показанных испытаний.",
        "The search probes, the right answer, the answer before fine-tuning and those of the trials shown.",
    ),
    "answers_in_html": (
        "Ответы можно листать в report.html.",
        "The answers can be browsed in report.html.",
    ),
    "rows_left": (
        (
            "Ещё {n} строка есть в report.html.",
            "Ещё {n} строки есть в report.html.",
            "Ещё {n} строк есть в report.html.",
        ),
        ("{n} more row is in report.html.", "{n} more rows are in report.html."),
    ),
}
