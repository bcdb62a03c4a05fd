"""Every event and every state record comes back from its JSON form as it was."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, get_args

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from engine.model import events as known
from engine.model.effects import Effect, EffectOutcome
from engine.model.events import Event, Recorded
from engine.wire import events as wire
from engine.wire.events import UnknownEvent, event_type, from_json, recorded_from_dict, recorded_to_dict, to_json
from engine.wire.reading import read
from engine.wire.recording import KINDS
from engine.wire.state import dump, load

EVENTS = [
    found
    for found in vars(known).values()
    if isinstance(found, type) and issubclass(found, Event) and found is not Event
]
RECORDS = (*KINDS.values(), Effect, EffectOutcome)

st.register_type_strategy(float, st.floats(allow_nan=False, allow_infinity=False))
st.register_type_strategy(str, st.text(max_size=12))
st.register_type_strategy(int, st.integers(-(2**53), 2**53))


def _mappings(kind: Any) -> st.SearchStrategy[Any]:
    keys, values = get_args(kind)
    return st.dictionaries(st.from_type(keys), st.from_type(values), max_size=3)


st.register_type_strategy(Mapping, _mappings)
RELAXED = settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("kind", EVENTS, ids=lambda kind: kind.__name__)
def test_an_event_comes_back_as_it_was(kind: type[Event]) -> None:
    @RELAXED
    @given(st.from_type(kind))
    def comes_back(event: Event) -> None:
        body = to_json(event)
        json.loads(body)
        assert from_json(event_type(event), wire.SCHEMA, body) == event
        assert read(kind, json.loads(body)) == event

    comes_back()


@pytest.mark.parametrize("kind", RECORDS, ids=lambda kind: kind.__name__)
def test_a_state_record_comes_back_as_it_was(kind: type[Any]) -> None:
    @RELAXED
    @given(st.from_type(kind))
    def comes_back(record: Any) -> None:
        assert load(kind, dump(record)) == record
        assert read(kind, json.loads(dump(record))) == record

    comes_back()


def test_every_event_has_a_name_of_its_own() -> None:
    assert len({kind.__name__ for kind in EVENTS}) == len(EVENTS) > 40


@pytest.mark.parametrize(("name", "schema"), (("MoonLanded", 1), ("UpgradePaused", 99), ("Event", 1), ("Upgrade", 1)))
def test_what_this_version_does_not_know_is_kept_as_it_is(name: str, schema: int) -> None:
    found = from_json(name, schema, '{"crater": [1, 2]}')
    assert found == UnknownEvent(name, '{"crater": [1, 2]}')
    assert (event_type(found), to_json(found)) == (name, '{"crater": [1, 2]}')


def test_fields_from_the_future_are_left_aside() -> None:
    assert from_json("StepGranted", 1, '{"by": "ana", "mood": "calm"}') == known.StepGranted("ana")


def test_an_older_body_is_brought_up_step_by_step(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "SCHEMA", 3)
    monkeypatch.setitem(wire.UPCASTERS, ("StepGranted", 1), lambda body: {"who": body["user"]})
    monkeypatch.setitem(wire.UPCASTERS, ("StepGranted", 2), lambda body: {"by": body["who"]})
    assert from_json("StepGranted", 1, '{"user": "ana"}') == known.StepGranted("ana")


@RELAXED
@given(st.builds(Recorded, event=st.sampled_from(EVENTS).flatmap(st.from_type)))
def test_a_line_of_the_stream_comes_back_as_it_was(recorded: Recorded) -> None:
    assert recorded_from_dict(json.loads(json.dumps(recorded_to_dict(recorded)))) == recorded
