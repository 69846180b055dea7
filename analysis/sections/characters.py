"""What was learnt, what was not, and what was kept: of any configurations tried."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

from analysis.facts.alike import alike
from analysis.facts.confusion import NOBODY, UNKNOWN, names_given
from analysis.facts.outcomes import CharacterOutcome, Tried, characters_of
from analysis.messages.catalogue import Messages
from analysis.messages.words import percent, short
from analysis.render.document import Block, Cell, Column, Facts, Section, Table, Text
from analysis.sections.conclusions import change
from search.run.known_controls import UnknownControl

BEST_SHOWN, NAMES_SHOWN, TRIALS_SHOWN = 3, 3, 4
LEARNT = 0.5
# Of the most right answers that any configuration gave: those from here on are called the best.
NEAR_BEST = 0.9
# Of the other targets' images: below, a character is called short of them.
FEW_IMAGES = 0.75
Matrix = Mapping[str, Counter[str]]


def successes(tried: Sequence[Tried], messages: Messages) -> Section:
    """Per target that any configuration taught: the best of them, and what they share."""
    facts = [
        (character, _success(character, tried, messages))
        for character in characters_of(tried, "target")
        if _risers(character, tried)
    ]
    if not facts:
        return Section("successes", messages.text("successes"), [Text(messages.text("no_successes"))])
    blocks: list[Block] = [Facts(facts), Text(messages.text("alike_note"))]
    return Section("successes", messages.text("successes"), blocks)


def _of(character: str, tried: Sequence[Tried]) -> list[tuple[Tried, CharacterOutcome]]:
    return [(each, found) for each in tried if (found := each.of(character)) is not None]


def _risers(character: str, tried: Sequence[Tried]) -> list[tuple[Tried, CharacterOutcome]]:
    """Those that taught the character something, best first; equal ones by score."""
    risen = [(each, found) for each, found in _of(character, tried) if found.rise > 0]
    return sorted(risen, key=lambda pair: (pair[1].share, pair[1].rise, pair[0].score.score), reverse=True)


def _success(character: str, tried: Sequence[Tried], messages: Messages) -> str:
    risers = _risers(character, tried)
    best = [pair for pair in risers if pair[1].share >= NEAR_BEST * risers[0][1].share][:BEST_SHOWN]
    names = ", ".join(_trial_change(each, found, messages) for each, found in best)
    parts = [messages.text("success_best", names=names)]
    parts.append(messages.count("success_count", len(risers), tried=len(_of(character, tried))))
    shared = alike([each.knobs for each, _ in best], [each.knobs for each in tried])
    if shared:
        parts.append(messages.count("success_alike", len(best), settings=", ".join(shared)))
    elif len(best) > 1:
        parts.append(messages.text("success_unlike"))
    return " ".join(parts)


def _trial_change(each: Tried, found: CharacterOutcome, messages: Messages) -> str:
    return f"{each.label} ({change(found, messages)})"


def problems(
    tried: Sequence[Tried],
    best: str,
    images: Mapping[str, int],
    matrices: Sequence[tuple[str, Matrix]],
    messages: Messages,
) -> Section:
    """Targets that were not learnt, controls that were forgotten, and who is taken for whom.

    best: label of the best configuration. images: training images of each target. matrices: (title, answers by the
    name that they give) side by side.
    """
    title, targets = messages.text("problems"), characters_of(tried, "target")
    if not targets:
        return Section("problems", title, [Text(messages.text("no_answers"))])
    facts = [(name, _weak(name, tried, best, images, messages)) for name in targets if _is_weak(name, tried, best)]
    forgotten = _forgotten(tried, messages)
    facts += [(messages.text("controls"), forgotten)] if forgotten else []
    blocks: list[Block] = [Facts(facts) if facts else Text(messages.text("no_problems"), "good")]
    blocks += [_targets(targets, tried, images, messages), Text(_imbalance(images, messages))]
    names = [one.character for one in tried[0].characters]
    sections = [
        _confusion(place, matrix, names, matrices, messages) for place, matrix in enumerate(matrices) if matrix[1]
    ]
    return Section("problems", title, blocks, sections)


def _learners(character: str, tried: Sequence[Tried]) -> int:
    return sum(found.share >= LEARNT for _, found in _of(character, tried))


def _is_weak(character: str, tried: Sequence[Tried], best: str) -> bool:
    """The best configuration did not teach it, or it is seldom learnt."""
    shares = [found.share for each, found in _of(character, tried) if each.label == best]
    return any(share < LEARNT for share in shares) or not _learners(character, tried)


def _weak(character: str, tried: Sequence[Tried], best: str, images: Mapping[str, int], messages: Messages) -> str:
    found, learners = _of(character, tried), _learners(character, tried)
    top, highest = max(found, key=lambda pair: pair[1].share)
    own = [messages.text("weak_own", change=change(one, messages)) for each, one in found if each.label == best]
    many = (
        messages.count("weak_some", learners, tried=len(found)) if learners else messages.count("weak_none", len(found))
    )
    parts = [*own, many]
    if top.label != best:
        parts.append(messages.text("weak_best", change=_trial_change(top, highest, messages)))
    taken = _taken_for(character, tried)
    parts += [messages.text("weak_taken", names=taken)] if taken else []
    others = [count for name, count in images.items() if name != character]
    if others and character in images and images[character] < FEW_IMAGES * sum(others) / len(others):
        typical = f"{sum(others) / len(others):.0f}"
        parts.append(messages.text("weak_images", images=images[character], others=typical))
    return " ".join(parts)


def _taken_for(character: str, tried: Sequence[Tried], shown: int = NAMES_SHOWN) -> str:
    """Whom it was taken for, with the number of configurations."""
    counts = Counter(name for _, found in _of(character, tried) for name, _ in found.taken_for)
    return ", ".join(f"{name} ({count})" for name, count in counts.most_common(shown))


def _forgotten(tried: Sequence[Tried], messages: Messages) -> str:
    """The controls that lost right answers, with the number of configurations."""
    controls = [(name, _of(name, tried)) for name in characters_of(tried, "control")]
    lost = [(name, sum(one.lost > 0 for _, one in found), len(found)) for name, found in controls]
    names = [messages.text("share", name=name, count=count, asked=of) for name, count, of in lost if count]
    return messages.text("forgotten", names=", ".join(names)) if names else ""


def _targets(targets: Sequence[str], tried: Sequence[Tried], images: Mapping[str, int], messages: Messages) -> Table:
    keys = ("target_best", "target_mean", "target_learners", "training_images")
    columns = [Column(messages.text("character")), *(Column(messages.text(key), number=True) for key in keys)]
    columns.append(Column(messages.text("target_taken")))
    rows: list[list[Cell]] = []
    for character in targets:
        shares = [found.share for _, found in _of(character, tried)]
        rows.append(
            [
                character,
                percent(max(shares)),
                percent(sum(shares) / len(shares)),
                messages.text("of", count=_learners(character, tried), asked=len(shares)),
                images.get(character),
                _taken_for(character, tried, 1),
            ]
        )
    return Table("targets", columns, rows)


def _imbalance(images: Mapping[str, int], messages: Messages) -> str:
    if not images or not min(images.values()):
        return messages.text("images_unknown")
    least, most = min(images, key=lambda name: images[name]), max(images, key=lambda name: images[name])
    if images[least] == images[most]:
        return messages.count("images_equal", images[least])
    ratio = short(images[most] / images[least])
    counts = {"count_most": images[most], "count_least": images[least]}
    return messages.text("images_unequal", most=most, least=least, ratio=ratio, **counts)


def _confusion(
    place: int,
    titled: tuple[str, Matrix],
    characters: Sequence[str],
    matrices: Sequence[tuple[str, Matrix]],
    messages: Messages,
) -> Section:
    title, matrix = titled
    names = names_given([found for _, found in matrices], characters)
    ends = {UNKNOWN: messages.text("named_unknown"), NOBODY: messages.text("named_nobody")}
    columns = [Column(messages.text("shown_named")), *(Column(name) for name in names), *map(Column, ends.values())]
    rows = [
        # An empty cell, not a zero: what did happen is to be seen at once.
        [name, *(str(matrix[name][given] or "") for given in [*names, *ends])]
        for name in characters
        if name in matrix
    ]
    return Section(f"confusion-{place}", title, [Table(f"confusion-table-{place}", columns, rows)])


def stability(tried: Sequence[Tried], messages: Messages, unknown: Sequence[UnknownControl] = ()) -> Section:
    """Per control: under how many configurations it was kept, and what became of it under the others.

    unknown: the controls that the base does not know; of them nothing can be measured.
    """
    controls = characters_of(tried, "control")
    facts = [(name, _kept(name, tried, messages)) for name in controls]
    facts += [(control.name, _unmeasured(control, messages)) for control in unknown]
    blocks: list[Block] = [] if controls else [Text(messages.text("no_controls"))]
    blocks += [Facts(facts)] if facts else []
    blocks += [_controls(controls, tried, messages)] if controls else []
    return Section("stability", messages.text("stability"), blocks)


def _unmeasured(control: UnknownControl, messages: Messages) -> str:
    said = ", ".join(messages.text("said_times", text=text, count=count) for text, count in control.said)
    return messages.text("unmeasured", right=control.right, asked=control.asked, said=said or "—")


def _kept(character: str, tried: Sequence[Tried], messages: Messages) -> str:
    found = _of(character, tried)
    stable = [each for each, one in found if one.stable]
    if len(stable) == len(found):
        return messages.count("kept_always", len(found))
    others = [(each, one) for each, one in found if not one.stable]
    others.sort(key=lambda pair: pair[1].lost, reverse=True)
    shown = "; ".join(_unstable(each, one, messages) for each, one in others[:TRIALS_SHOWN])
    if len(others) > TRIALS_SHOWN:
        shown = messages.count("and_more_trials", len(others) - TRIALS_SHOWN, names=shown)
    return messages.count("kept_in", len(stable), tried=len(found), others=shown)


def _unstable(each: Tried, one: CharacterOutcome, messages: Messages) -> str:
    parts = []
    if one.lost:
        parts.append(messages.text("lost_of", count=one.lost_answers, asked=one.after[1]))
    names = ", ".join(name for name, _ in one.taken_for[:NAMES_SHOWN])
    if names:
        parts.append(messages.text("named_as", names=names))
    elif one.named:
        parts.append(messages.text("named_someone"))
    return f"{each.label} ({', '.join(parts)})"


def _controls(controls: Sequence[str], tried: Sequence[Tried], messages: Messages) -> Table:
    keys = ("control_stable", "control_kept", "control_worst")
    columns = [Column(messages.text("character")), *(Column(messages.text(key), number=True) for key in keys)]
    columns.append(Column(messages.text("target_taken")))
    rows: list[list[Cell]] = []
    for character in controls:
        found = [one for _, one in _of(character, tried)]
        rows.append(
            [
                character,
                messages.text("of", count=sum(one.stable for one in found), asked=len(found)),
                messages.text("of", count=sum(not one.lost for one in found), asked=len(found)),
                percent(max(one.lost for one in found)),
                _taken_for(character, tried),
            ]
        )
    return Table("controls", columns, rows)
