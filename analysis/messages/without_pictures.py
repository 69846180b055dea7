"""What a report says of questions where others speak of pictures: the messages of a study without any."""

from __future__ import annotations

from analysis.messages.of_sections import Forms

WITHOUT_PICTURES: dict[str, tuple[Forms, Forms]] = {
    "training_images": ("Вопросов в обучении", "Training questions"),
    "status_needed": (
        (
            "для вывода нужно около {n} вопроса",
            "для вывода нужно около {n} вопросов",
            "для вывода нужно около {n} вопросов",
        ),
        ("about {n} question would settle it", "about {n} questions would settle it"),
    ),
    "evidence_tested": (
        "«Улучшение», «ухудшение» и «деградация» стоят только там, где их подтверждает точный тест перестановки знаков "
        "по вопросам: p не больше {alpha} с поправкой Холма на число персонажей. Где теста не хватает, сказано, что "
        "видно и сколько вопросов решило бы дело. Статус говорит об одном обучении: с другим seed может выйти иначе.",
        "“Improvement”, “worse” and “degradation” stand only where the exact sign-flip test over questions supports "
        "them: p of at most {alpha}, corrected after Holm for the number of characters. Elsewhere the status says what "
        "was seen and how many questions would settle it. A status speaks of one training: another seed may end "
        "otherwise.",
    ),
    "between_unknown": ("интервал не вычислить: вопросов слишком мало", "no interval: too few questions"),
    "broke_odds": (
        "Вероятность верного имени после обучения относится к вероятности лучшего из чужих лишь как {odds} к 1: модель "
        "едва различает, о ком вопрос.",
        "After training the right name is only {odds} times as likely as the best wrong one: the model hardly tells "
        "these questions apart.",
    ),
    "step_add_negatives": (
        "Добавить посторонних, похожих на целевых: без них модель зовёт новыми именами всех подряд. Часть вопросов о "
        "них нужна в replay, и хотя бы один посторонний должен остаться вне обучения.",
        "Add negatives that are like the targets: without them everybody gets the new names. Some questions about "
        "them belong in replay, and at least one negative must stay out of training.",
    ),
    "step_replay_negatives": (
        "Посторонних модель зовёт чужим именем в {share} ответов. Добавить в replay вопросы о разных посторонних без "
        "поля answer: модель останется при своём прежнем ответе о них. Хотя бы один должен остаться вне обучения.",
        "Negatives are called by a wrong name in {share} of the answers. Add questions about different negatives to "
        "replay, without an answer: the model keeps to what it said of them. At least one must stay out of training.",
    ),
    "step_other_base": (
        "Взять вопросы, которые различаются яснее, или другую базовую модель: эта их едва различает, и настройки тут "
        "не помогут.",
        "Take questions that differ more clearly, or another base model: this one hardly tells them apart, and no "
        "setting will help.",
    ),
    "step_confused": (
        "Добавить обучающих вопросов и посторонних там, где имена путаются чаще всего: {names}.",
        "Add training questions and negatives where names are confused most: {names}.",
    ),
    "step_more_probes": (
        "Чтобы отличить лучшую от соперника, добавить в исследование вопросов test и повторов финалистов.",
        "To tell the best from its rival, add test probes to the study, and repeats of the finalists.",
    ),
    "step_images": (
        "Добавить обучающих вопросов тем, кто не выучен: {names}.",
        "Add training questions of those that remain unlearnt: {names}.",
    ),
    "intervals": (
        "Интервалы 95-процентные: для долей по Уилсону, для score бутстрэп по вопросам, с разбросом повторов, "
        "где их хотя бы два (он считается общим для всех финалистов).",
        "Intervals are of 95 %: Wilson's for shares of answers, for the score a bootstrap over questions, with the "
        "spread of repeats where there are at least two (taken for the same in all finalists).",
    ),
    "all_images": ("все вопросы персонажа", "all questions of a character"),
    "images_each": (
        ("по {n} вопросу на персонажа", "по {n} вопроса на персонажа", "по {n} вопросов на персонажа"),
        ("{n} question of each character", "{n} questions of each character"),
    ),
    "weak_images": (
        "Обучающих вопросов {images}, у других целевых в среднем {others}: не хватает данных.",
        "{images} training questions, {others} of other targets in the mean: too little data.",
    ),
    "images_equal": (
        (
            "Перекоса в данных нет: у каждого целевого персонажа {n} обучающий вопрос.",
            "Перекоса в данных нет: у каждого целевого персонажа {n} обучающих вопроса.",
            "Перекоса в данных нет: у каждого целевого персонажа {n} обучающих вопросов.",
        ),
        (
            "The data are balanced: each target has {n} training question.",
            "The data are balanced: each target has {n} training questions.",
        ),
    ),
    "images_unequal": (
        "Обучающих вопросов больше всего у {most} ({count_most}), меньше всего у {least} ({count_least}): разница в "
        "{ratio} раза.",
        "Most training questions are of {most} ({count_most}), fewest of {least} ({count_least}): {ratio} times as "
        "many.",
    ),
    "shown_named": ("спрошено о ↓ / назван →", "asked about ↓ / named →"),
}
