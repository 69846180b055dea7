"""Which picture is trained on, asked in the search, kept for the test."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st
from rows_source import plain, rows, study_of, write

from studies.importers.found import Side
from studies.importers.sides import choose_sides
from studies.rows import Role

SIDES: st.SearchStrategy[Side] = st.sampled_from(("training", "search", "test"))
ROLES: st.SearchStrategy[Role] = st.sampled_from(("target", "control", "negative"))


def counts(n: int, role: Role, share: float = 0.2) -> tuple[int, int, int]:
    """(training, search, test) for n pictures of a character beside one that has enough."""
    pictures = {"it": [f"a{place:03d}" for place in range(n)], "other": ["b1", "b2", "b3"]}
    sides = choose_sides(pictures, {"it": role, "other": "target"}, {}, share)
    found = Counter(sides[name] for name in pictures["it"])
    return found["training"], found["search"], found["test"]


def test_a_target_is_mostly_trained_on() -> None:
    assert counts(25, "target") == (15, 5, 5)
    assert counts(5, "target") == (3, 1, 1)
    assert counts(3, "target") == (1, 1, 1)
    assert counts(2, "target") == (1, 1, 0)
    assert counts(20, "target", share=0.1) == (16, 2, 2)


def test_a_control_is_mostly_asked_and_a_negative_is_never_trained_on() -> None:
    assert counts(10, "control") == (2, 4, 4)
    assert counts(2, "control") == (0, 1, 1)
    assert counts(1, "control") == (0, 1, 0)
    assert counts(5, "negative") == (0, 3, 2)


def test_where_one_character_has_no_test_picture_none_has() -> None:
    pictures = {"many": ["1", "2", "3", "4", "5"], "few": ["6"]}
    sides = choose_sides(pictures, {"many": "target", "few": "control"}, {}, 0.2)
    assert Counter(sides.values()) == {"training": 3, "search": 3}


def test_a_source_with_one_set_of_probes_has_it_halved() -> None:
    pictures = {"it": ["1", "2", "3", "4", "5"]}
    said: dict[str, Side] = {"1": "training", "2": "training", "3": "test", "4": "test", "5": "test"}
    sides = choose_sides(pictures, {"it": "target"}, said, 0.2)
    assert [sides[name] for name in "12345"] == ["training", "training", "search", "search", "test"]


@given(
    pictures=st.dictionaries(st.sampled_from("abcd"), st.tuples(ROLES, st.lists(st.none() | SIDES, max_size=12))),
    share=st.floats(0.01, 0.45),
)
def test_every_picture_has_one_side_and_the_last_negative_is_not_trained_on(
    pictures: dict[str, tuple[Role, list[Side | None]]], share: float
) -> None:
    names = {who: [f"{who}{place}" for place in range(len(said))] for who, (_, said) in pictures.items()}
    told = {f"{who}{place}": side for who, (_, said) in pictures.items() for place, side in enumerate(said) if side}
    roles = {who: role for who, (role, _) in pictures.items()}
    sides = choose_sides(names, roles, told, share)
    assert set(sides) == {name for found in names.values() for name in found}
    tested = {who for who, found in names.items() if "test" in {sides[name] for name in found}}
    assert tested in (set(), set(names))
    negatives = [who for who, role in roles.items() if role == "negative" and names[who]]
    for who in negatives[-1:]:
        if not any(name in told for name in names[who]):
            assert "training" not in {sides[name] for name in names[who]}


def test_all_negatives_but_the_last_are_dealt_into_replay() -> None:
    pictures = {who: [f"{who}{place}" for place in range(10)] for who in ("target", "control", "first", "last")}
    roles: dict[str, Role] = {"target": "target", "control": "control", "first": "negative", "last": "negative"}
    sides = choose_sides(pictures, roles, {}, 0.2)
    trained = {who: sum(sides[name] == "training" for name in names) for who, names in pictures.items()}
    assert trained == {"target": 6, "control": 2, "first": 2, "last": 0}


def test_the_negative_named_last_stays_out_of_training(tmp_path: Path) -> None:
    names = ("Гена", "Матрёшка", "Баба Яга", "Леший", "Кощей")
    path = write(tmp_path / "data.jsonl", rows(tmp_path, plain, names))
    study, _ = study_of(path, tmp_path / "study", negatives=["Леший", "Кощей", "Баба Яга"])
    assert study.named("negative") == ["Леший", "Кощей", "Баба Яга"]
    assert study.trained_negatives == ["Леший", "Кощей"]
