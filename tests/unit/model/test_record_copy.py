"""The fast copy of records gives what dataclasses.replace gives, for every record of the model."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import pytest

from engine.model.health import Health
from engine.model.record_copy import replace
from engine.model.upgrade import MemberState
from tests.unit.decide import given


def test_it_is_what_dataclasses_give() -> None:
    run = given.Run(given.scale_set(3))
    member, instance = next(iter(run.upgrade.members.values())), next(iter(run.set.instances.values()))
    for record, changes in (
        (run.upgrade, {"version": 9, "checking": False}),
        (member, {"state": MemberState.FAILED}),
        (instance, {"health": Health.UNKNOWN, "extensions": ()}),
        (run.set, {}),
    ):
        copy = replace(record, **changes)
        assert copy == dataclasses.replace(record, **changes) and copy is not record
        assert type(copy) is type(record)


def test_a_field_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError):
        replace(given.scale_set(1), colour="red")


def test_a_record_that_checks_itself_is_not_copied_past_its_check() -> None:
    @dataclass(frozen=True, slots=True)
    class Even:
        number: int
        name: str = ""

        def __post_init__(self) -> None:
            assert self.number % 2 == 0

    with pytest.raises(AssertionError, match="checks what it is made of"):
        replace(Even(2), number=3)
