"""The tags of simulated sets: what they say, and how wrong ones are refused."""

from __future__ import annotations

import pytest

from engine.model.errors import InputError
from engine.model.simulated import Selection, SimulatedBehaviour, read_behaviour, read_selection


def test_no_tags_give_the_standard_behaviour() -> None:
    assert read_behaviour({"environment": "production"}) == SimulatedBehaviour()


def test_every_tag_is_read() -> None:
    found = read_behaviour(
        {
            "rollset-simulated-member-seconds": "5",
            "rollset-simulated-broken-versions": "1.2.0, 1.3.0=30%",
            "rollset-simulated-slow-versions": "1.4.0=4",
            "rollset-simulated-unhealthy": "3, 10%, zone=2",
        }
    )
    assert found.member_seconds == 5
    assert found.broken_versions == {"1.2.0": 1.0, "1.3.0": 0.3}
    assert found.slow_versions == {"1.4.0": 4.0}
    assert found.unhealthy == Selection(frozenset({"3"}), frozenset({"2"}), 0.1)


@pytest.mark.parametrize(
    ("tag", "value", "said"),
    (
        ("member-seconds", "soon", "a number from"),
        ("member-seconds", "nan", "a number from"),
        ("failing-share", "120%", "a share"),
        ("broken-versions", "1.2.0=lots", "a share"),
        ("slow-versions", "1.2.0", "with a value each"),
        ("member-second", "5", "member-seconds"),
    ),
)
def test_a_wrong_tag_is_named_with_what_it_must_be(tag: str, value: str, said: str) -> None:
    with pytest.raises(InputError) as caught:
        read_behaviour({f"rollset-simulated-{tag}": value})
    assert f"rollset-simulated-{tag}" in str(caught.value)
    assert said in str(caught.value)


def test_a_selection_of_nothing_is_nobody() -> None:
    assert read_selection("--inject", "") == Selection()
