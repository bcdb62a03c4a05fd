"""A directory of other things is told from a state directory by the names in it."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from engine.model.errors import UnreachableError
from engine.model.state_names import refuse_other_things

HERE = PurePath("/srv/x")
OURS = ("engine.lock", "engine.log.1", "spawn.lock", "images", ".rollset.db.restoring", "rollset.db-wal", "config.toml")


@pytest.mark.parametrize("names", ((), OURS, ("rollset.db", "letters", "notes.txt")))
def test_an_empty_one_one_of_ours_and_any_with_a_database_will_do(names: tuple[str, ...]) -> None:
    refuse_other_things(HERE, names)


@pytest.mark.parametrize(
    ("names", "said"),
    (
        (("x", *OURS), r"/srv/x holds other things \(x\) and no state of an engine\."),
        (("d", "c", "b\x1b", "a"), r"\(a, b\\x1b, c, \.\.\.\)"),
    ),
)
def test_any_other_thing_is_named_with_the_way_out(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(UnreachableError, match=said) as refused:
        refuse_other_things(HERE, names)
    assert "a directory of its own" in refused.value.next_step
