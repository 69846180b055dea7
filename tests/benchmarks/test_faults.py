"""What the reliability document says is what the campaigns recorded."""

from __future__ import annotations

import pytest

from benchmarks.campaigns.outcome import Outcome
from benchmarks.faults import BEGIN, DOCUMENT, END, RESULTS, campaigns, documented, read


def test_the_document_says_what_was_recorded() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    assert documented(text, read(RESULTS)) == text


def test_every_campaign_is_published_was_run_in_full_and_passed() -> None:
    outcomes = read(RESULTS)
    assert list(outcomes) == [campaign.name for campaign in campaigns()]
    for campaign in campaigns():
        assert outcomes[campaign.name].passed, campaign.name
        assert outcomes[campaign.name].faults >= max(1, campaign.full), campaign.name


def test_the_table_tells_what_went_wrong() -> None:
    bad = Outcome("kills", 1, 10, {"lost": 2, "doubled": 0}, 3.0, {})
    good = Outcome("more kills", 1, 30, {"lost": 0}, 3.0, {})
    table = documented(f"before\n{BEGIN}old{END}\nafter", {"bad": bad, "good": good})
    assert "| kills | 1 | 10 | lost: 2 | — | 3 |" in table
    assert "| more kills | 1 | 30 | nothing that must not happen did | 0.100 | 3 |" in table
    assert "old" not in table


def test_a_document_without_marks_is_refused() -> None:
    with pytest.raises(ValueError, match="has no"):
        documented("no marks", {})
