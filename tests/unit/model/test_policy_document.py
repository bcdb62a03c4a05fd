"""Which policy documents speak for a set, the closest first."""

from __future__ import annotations

import pytest

from engine.model.policy_document import PolicyDocument, fit, policies_for

KEY = "/subscriptions/s/web-eu"


@pytest.mark.parametrize(
    ("pattern", "fits"),
    (
        ("web-eu", True),
        ("WEB-EU", True),
        ("web", False),
        ("*", True),
        ("web*", True),
        ("*eu", True),
        ("*b-*", True),
        ("w*b*eu", True),
        ("w*x*eu", False),
        ("web-eu*web-eu", False),
        ("*b*w*", False),
        ("/subscriptions/*", True),
        ("/subscriptions/*/api", False),
    ),
)
def test_a_star_is_any_run_of_characters_and_case_does_not_count(pattern: str, fits: bool) -> None:
    assert (fit(pattern, "web-eu", KEY) is not None) is fits


def test_a_whole_name_fits_closer_than_a_pattern_and_a_longer_one_closer_than_a_shorter() -> None:
    documents = [
        PolicyDocument("all", ("*",)),
        PolicyDocument("b-web", ("web*",)),
        PolicyDocument("a-web", ("w*eb", "web*")),
        PolicyDocument("this", ("api", "web-eu")),
        PolicyDocument("other", ("api",)),
    ]
    assert [p.name for p in policies_for(documents, "web-eu", KEY)] == ["this", "a-web", "b-web", "all"]
    assert documents[0].words == "policy all (version 1)"
