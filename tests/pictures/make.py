"""Make the pictures in docs/pictures anew, or those that are named: screens of the shipped recordings."""

from __future__ import annotations

import asyncio
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from tui.app import Cockpit  # noqa: E402  # the tree must be found first
from tui.clocks import Clocks  # noqa: E402
from tui.options import CockpitOptions  # noqa: E402
from tui.recording import RecordedSession  # noqa: E402
from tui.scene import Scene  # noqa: E402
from tui.screens import cockpit_screen  # noqa: E402
from tui.shipped_recordings import find_recording  # noqa: E402

FOLDER = ROOT / "docs" / "pictures"
SIZE = (120, 36)
_RANDOM = re.compile(r"terminal-\d+-")
_FONT_FACE = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Picture:
    """A recording at the first moment that is `when`, after some keys."""

    recording: str
    when: Callable[[Scene], bool]
    keys: tuple[str, ...] = ()
    theme: str = "dark"


def done(count: int) -> Callable[[Scene], bool]:
    """So many instances have succeeded in the last upgrade of some set, and others are on their way."""
    return lambda scene: any(
        row.upgrade is not None and row.upgrade.counters.successful >= count and row.upgrade.counters.in_progress > 2
        for row in scene.sets.values()
    )


def in_state(state: str) -> Callable[[Scene], bool]:
    """The upgrade is in this state."""
    return lambda scene: scene.upgrade is not None and scene.upgrade.state.value == state


def half_back(scene: Scene) -> bool:
    """Some have their previous disk again."""
    members = scene.upgrade.members.values() if scene.upgrade is not None else ()
    return sum(member.state.value == "RolledBack" for member in members) >= 6


def stands_still(scene: Scene) -> bool:
    """It is paused, and what is said of it knows that nothing is in flight any more."""
    upgrade = scene.upgrade
    if upgrade is None or upgrade.outlook is None:
        return False
    return upgrade.state.value == "Paused" and "begun" not in upgrade.outlook.blocked_words


def one_of_each(scene: Scene) -> bool:
    """One set is paused, one has faulted, one goes on."""
    states = {row.upgrade.upgrade.state.value for row in scene.sets.values() if row.upgrade is not None}
    return {"Paused", "Faulted", "RollingForward"} <= states


def three_ended(scene: Scene) -> bool:
    """Three upgrades are over."""
    return sum(not seen.upgrade.live for seen in scene.history.values()) >= 3


PICTURES = {
    "scale-sets": Picture("many-sets", one_of_each, ("end",)),
    "scale-set": Picture("good-run", done(66)),
    "thousand": Picture("thousand", done(430)),
    "paused": Picture("pause-step-resume", stands_still),
    "faulted": Picture("upgraded-unhealthy", in_state("Faulted")),
    "errors": Picture("upgraded-unhealthy", in_state("Faulted"), ("e",)),
    "instance": Picture("upgraded-unhealthy", in_state("Faulted"), ("enter",)),
    "rollback": Picture("rollback", half_back),
    "history": Picture("many-sets", three_ended, ("4",)),
    "events": Picture("two-operators", done(20), ("l",)),
    "help": Picture("good-run", done(66), ("question_mark",)),
    "light": Picture("two-operators", done(20), (), "light"),
    "colour-blind": Picture("unhealthy-elsewhere", in_state("Faulted"), (), "blue-orange"),
}


def first_position(session: RecordedSession, when: Callable[[Scene], bool]) -> int:
    """The number of events after which it is so."""
    player = session.player
    for position in range(player.length + 1):
        player.seek(position)
        if when(player.scene):
            return position
    raise ValueError(f"it is never so in {session.place}")


async def draw(picture: Picture) -> str:
    """The SVG."""
    session = RecordedSession.open(find_recording(picture.recording))
    position = first_position(session, picture.when)
    options = CockpitOptions(theme=picture.theme, clocks=Clocks(UTC))
    cockpit = Cockpit(session, options, first_set=session.set_in_scope)
    async with cockpit.run_test(size=SIZE) as pilot:
        session.player.seek(position)
        await pilot.pause(0.3)
        for key in picture.keys:
            await pilot.press(key)
            await pilot.pause(0.2)
        return plain(cockpit.export_screenshot(title="rollset", simplify=True))


def plain(svg: str) -> str:
    """Without what differs each time, and without fonts that would be fetched."""
    svg = _FONT_FACE.sub("", _RANDOM.sub("terminal-", svg))
    svg = svg.replace("Fira Code", "DejaVu Sans Mono, Menlo, Consolas").replace("arial", "sans-serif")
    return "\n".join(line.rstrip() for line in svg.splitlines() if line.strip()) + "\n"


def main(names: list[str]) -> int:
    """Write them and say how large they are."""
    cockpit_screen.PAINT_EVERY_S = 0.0
    FOLDER.mkdir(exist_ok=True)
    for name in names or PICTURES:
        path = FOLDER / f"{name}.svg"
        path.write_text(asyncio.run(draw(PICTURES[name])))
        print(f"{path.name}: {path.stat().st_size} bytes", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
