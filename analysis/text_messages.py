"""What a report says of questions where others speak of pictures: the messages of a study without any."""

from __future__ import annotations

from analysis.section_messages import Forms

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
