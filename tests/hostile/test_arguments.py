"""Verbs and queries with arguments nobody should send: refused with one of our errors, and the engine stays whole."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import anyio
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model.errors import RollsetError
from engine.runtime.engine import Engine
from engine.runtime.engine_door import _QUERIES, EngineDoor
from engine.runtime.verbs import _VERBS
from engine.store.connection import open_store
from tests.unit.runtime.conftest import ANA, apply, make_engine, scale_set_document

ONE_STORE = settings(
    max_examples=80, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
STOPS = frozenset({"engine-stop", "delete"})
NAMES = (
    "set", "instance", "instances", "reference", "path", "documents", "file", "files", "name", "to", "batch", "at",
    "pause_between_batches", "max_unhealthy", "max_unhealthy_upgraded", "restore_failed", "health_window", "timeout",
    "step", "plan", "until", "from_actions", "capacity", "reason", "confirm", "seen_version", "limit", "what", "id",
)  # fmt: skip
VALUES: st.SearchStrategy[Any] = st.one_of(
    st.sampled_from(
        [
            "web", "web-1", "0", "policy",
            "contoso:web:stable:1.1.0", "1.1.0", "3", "20%", "PT5S", "always", "", "\x00", "\x1b[2J",
            "\ud800", "../../../etc/passwd", "/dev/zero", "nan", "inf", "-1", "1e400", "9" * 400, "0x10", "٣", "²",
            None, True, False, 0, -1, 1, 10**30, 1.5, float("nan"), float("inf"), -1e300, [], {}, ["0"], [None],
            [["x"]], {"a": 1}, [{}], [{"type": 7}], {"scale_set": "web"},
        ]
    ),
    st.text(max_size=8),
    st.integers(),
    st.floats(),
)  # fmt: skip
ARGUMENTS = st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=6)


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    """A set `web` of three instances, and a policy."""
    store = open_store(tmp_path / "rollset.db")
    engine = make_engine(store, tmp_path / "images")
    apply(engine, scale_set_document())
    yield engine
    store.close()


def ask(act: Any, *arguments: Any) -> None:
    """Carry out; only our errors may come out, and they say something."""
    refused: list[str] = []
    try:
        anyio.run(partial(act, *arguments))
    except RollsetError as error:
        refused.append(f"{error.code} {error.message}")
    assert all(len(said) > 5 for said in refused)


@ONE_STORE
@given(verb=st.sampled_from(sorted(set(_VERBS) - STOPS)), arguments=ARGUMENTS)
def test_no_arguments_break_a_verb(engine: Engine, verb: str, arguments: dict[str, Any]) -> None:
    ask(EngineDoor(engine).command, verb, {"set": "web", **arguments}, ANA)

    assert engine.find_set("web").capacity <= 1000
    engine.commit(engine.turn())


@ONE_STORE
@given(
    what=st.sampled_from(sorted(_QUERIES)),
    arguments=st.dictionaries(st.sampled_from(NAMES), VALUES.filter(lambda value: isinstance(value, str)), max_size=5),
)
def test_no_arguments_break_a_query(engine: Engine, what: str, arguments: dict[str, Any]) -> None:
    ask(EngineDoor(engine).query, what, arguments, ANA)


@pytest.mark.parametrize("verb", ("", "Start", "../start", "\x1b[2J", "nothing"))
def test_a_verb_that_is_none_is_refused(engine: Engine, verb: str) -> None:
    with pytest.raises(RollsetError, match="is not a verb"):
        anyio.run(EngineDoor(engine).command, verb, {}, ANA)
