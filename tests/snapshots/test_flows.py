"""Pictures along the ways an operator goes, by keys alone: each command changes the story."""

from __future__ import annotations

from engine.model.commands import Verb
from engine.model.errors import RefusedError
from engine.model.upgrade import UpgradeState
from tests.snapshots.conftest import Picture
from tests.snapshots.moments import KEY
from tests.snapshots.still import LIVE, LOST, StorySession
from tests.snapshots.story import Story, batch_runs, has_ended, scale_set

NAME = tuple("web-eu")


def fresh(bad: frozenset[str] = frozenset()) -> StorySession:
    """Sixty instances in production that were never upgraded."""
    return StorySession(Story(scale_set("web-eu", 60, "westeurope", production=True, pause_s=30.0), bad=bad))


def rolling() -> StorySession:
    """In its third batch."""
    found = fresh()
    found.story.start()
    found.story.until(batch_runs(3, 9))
    return found


def state(session: StorySession) -> UpgradeState | None:
    upgrade = session.story.scene.upgrade
    return upgrade.state if upgrade is not None else None


def test_start_shows_the_plan_first(picture: Picture) -> None:
    session = fresh()
    assert picture(session, "s", *"1.1.0", first_set=KEY)
    assert session.commands == []


def test_start(picture: Picture) -> None:
    session = fresh()
    assert picture(session, "s", *"1.1.0", "tab", *"3", "tab", *NAME, "tab", *"patch", "enter", first_set=KEY)
    assert [verb for verb, _ in session.commands] == ["start"]
    assert session.commands[0][1] == {"set": KEY, "to": "1.1.0", "batch": "3", "confirm": "web-eu", "reason": "patch"}


def test_pause(picture: Picture) -> None:
    session = rolling()
    assert picture(session, "p", first_set=KEY)
    assert state(session) is UpgradeState.PAUSING


def test_resume(picture: Picture) -> None:
    session = rolling()
    assert picture(session, "p", "u", *NAME, "enter", first_set=KEY)
    assert state(session) is UpgradeState.ROLLING_FORWARD


def test_step(picture: Picture) -> None:
    session = rolling()

    def finish_what_has_begun() -> None:
        session.story.until(lambda scene: scene.upgrade is not None and scene.upgrade.state is UpgradeState.PAUSED)
        session.become(LIVE)

    assert picture(session, "p", finish_what_has_begun, "n", *NAME, "enter", first_set=KEY)
    assert [verb for verb, _ in session.commands] == ["pause", "step"]


def test_roll_back(picture: Picture) -> None:
    session = rolling()
    assert picture(session, "r", *NAME, "tab", *"bad", "enter", first_set=KEY)
    assert state(session) is UpgradeState.ROLLING_BACK


def test_a_wrong_name_is_told_in_the_dialog(picture: Picture) -> None:
    session = rolling()
    assert picture(session, "r", *"web-us", "enter", first_set=KEY)
    assert session.commands == []


def test_a_fault_while_one_looks(picture: Picture) -> None:
    session = fresh(bad=frozenset(str(i) for i in range(0, 60, 5)))
    session.story.start()

    def fault() -> None:
        session.story.until(has_ended)
        session.become(LIVE)

    assert picture(session, fault, first_set=KEY)
    error = session.story.scene.upgrade.error if session.story.scene.upgrade is not None else None
    assert error is not None and error.code == "MaxUnhealthyUpgradedInstancePercentExceededInRollingUpgrade"


def test_a_dialog_tells_what_happened_meanwhile(picture: Picture) -> None:
    session = rolling()

    def pause_by_omar() -> None:
        session.story.command(Verb.PAUSE, "omar", "on call asked")
        session.become(LIVE)

    assert picture(session, "r", *NAME, pause_by_omar, first_set=KEY)


def test_a_command_on_an_older_look_is_told_what_happened_since(picture: Picture) -> None:
    refusal = RefusedError(
        "Conflict",
        "upgrade web-eu-7 has moved on since you looked (version 9, now 11, RollingBack): omar, 2 s ago: paused by "
        "omar: on call asked; eve, 1 s ago: rollback requested by eve.",
        "Look at it again, then decide.",
    )
    session = rolling()
    session.refuses = refusal
    assert picture(session, "c", *NAME, "enter", first_set=KEY)


def test_lost(picture: Picture) -> None:
    session = rolling()
    assert picture(session, lambda: session.become(LOST), first_set=KEY)


def test_a_key_while_the_engine_is_lost_says_why_not(picture: Picture) -> None:
    session = rolling()
    assert picture(session, lambda: session.become(LOST), "p", first_set=KEY)
    assert session.commands == []


def test_reconnected_it_shows_what_has_happened(picture: Picture) -> None:
    session = rolling()

    def back() -> None:
        session.story.until(batch_runs(5, 20))
        session.become(LIVE)

    assert picture(session, lambda: session.become(LOST), back, first_set=KEY)


def test_to_the_report_and_back_home(picture: Picture) -> None:
    session = rolling()
    session.story.until(has_ended)
    session.become(LIVE)
    assert picture(session, "h", "enter", "escape", "escape", "escape", first_set=KEY)
