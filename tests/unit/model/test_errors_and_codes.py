"""Every error carries its code and the way out; every code of the catalogue can be explained."""

from __future__ import annotations

import pytest

from engine.model.code_catalogue import CATALOGUE, find_codes
from engine.model.codes import ErrorCode
from engine.model.error_texts import before_rolling_upgrade, in_rolling_upgrade, upgraded
from engine.model.errors import (
    ERRORS_BY_EXIT_CODE,
    InputError,
    NotFoundError,
    NotPermittedError,
    RefusedError,
    UnreachableError,
)


def test_exit_codes_are_those_of_the_command_line() -> None:
    kinds = (InputError, NotFoundError, RefusedError, UnreachableError, NotPermittedError)
    assert {kind: kind.exit_code for kind in kinds} == dict(zip(kinds, (2, 3, 4, 5, 6), strict=True))
    assert all(ERRORS_BY_EXIT_CODE[kind.exit_code] is kind for kind in kinds)


def test_an_error_reads_as_one_line() -> None:
    assert str(InputError("InvalidParameter", "it is 4.", "Make it 5.")) == "InvalidParameter: it is 4. Make it 5."
    assert str(NotFoundError("NotFound", "it is not there.")) == "NotFound: it is not there."


@pytest.mark.parametrize("code", list(ErrorCode))
def test_every_code_has_a_meaning_and_something_to_do(code: ErrorCode) -> None:
    entry = CATALOGUE[code]
    assert entry.title and entry.meaning and entry.what_to_do and entry.source
    assert find_codes(code.value) == [entry]


def test_advice_names_the_case() -> None:
    entry = CATALOGUE[ErrorCode.UNHEALTHY_UPGRADED]
    said = " ".join(entry.advice("web", "7", "contoso:web:stable:2.0.0"))
    assert "web" in said
    assert " SET" not in said
    assert entry.advice() == entry.what_to_do


def test_codes_are_found_by_their_beginning_in_any_case() -> None:
    found = find_codes(" maxunhealthyinstance ")
    assert [x.code for x in found] == [ErrorCode.UNHEALTHY_BEFORE, ErrorCode.UNHEALTHY_DURING]
    assert find_codes("") == []
    assert find_codes("nothing of the kind") == []


def test_azures_wording_carries_the_numbers() -> None:
    assert "before any batch was attempted. 30% of instances" in before_rolling_upgrade(30, 20, "x")
    assert "The most impactful error is:  x For details" in before_rolling_upgrade(30, 20, "x")
    assert "30% of instances are in an unhealthy state - more than the threshold of 20%" in in_rolling_upgrade(30, 20)
    assert "after being upgraded - more than the threshold of 20%" in upgraded(30, 20, "x", "7")
    assert upgraded(30, 20, "x", "7").endswith("The most impactful error is: x. First failed instance ID is: 7.")
