"""The screens that every screen can open: a part of the cockpit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from engine.model.errors import RollsetError
from engine.model.upgrade import Upgrade
from engine.wire.recording import OVERVIEW
from tui.saving import save_text
from tui.subject import Subject

if TYPE_CHECKING:
    from tui.app import Cockpit
    from tui.screens.cockpit_screen import CockpitScreen


@dataclass(frozen=True, slots=True)
class Recorded:
    """What the cockpit was left for: the recording of an upgrade of `scale_set` (its key)."""

    upgrade: str
    scale_set: str
    lines: list[bytes]


class Opening:
    """Screens are imported when they are opened first: the first one must paint soon."""

    @property
    def _cockpit(self) -> Cockpit:
        return cast("Cockpit", self)

    def _front(self) -> CockpitScreen:
        return cast("CockpitScreen", self._cockpit.screen)

    def _subject(self) -> Subject:
        return self._front().subject()

    def _go(self, screen: CockpitScreen) -> None:
        """Open a screen, from the first one when it stands for itself; the one in front is not opened twice."""
        front = self._front()
        if type(front) is type(screen) and front.scope == screen.scope:
            return
        self._cockpit.push_screen(screen)

    def do_images(self) -> None:
        """What is published."""
        from tui.screens.images import ImagesScreen

        self._go(ImagesScreen(OVERVIEW))

    def do_all_history(self) -> None:
        """The upgrades of all sets."""
        from tui.screens.history import HistoryScreen

        self._go(HistoryScreen(OVERVIEW))

    def do_audit(self) -> None:
        """Every command."""
        from tui.screens.audit import AuditScreen

        self._go(AuditScreen(OVERVIEW))

    def do_events(self) -> None:
        """The events of the scope in front."""
        from tui.screens.events import EventsScreen

        self._go(EventsScreen(self._front().scope))

    def do_history(self) -> None:
        """The upgrades of the chosen set."""
        from tui.screens.history import HistoryScreen

        scale_set = self._subject().scale_set
        if scale_set is not None:
            self._go(HistoryScreen(scale_set.key))

    def do_errors(self) -> None:
        """What failed in the chosen set, and every code."""
        from tui.screens.errors import ErrorsScreen

        scale_set = self._subject().scale_set
        self._go(ErrorsScreen(scale_set.key if scale_set is not None else self._front().scope))

    def do_replay(self) -> None:
        """Leave for a recording of the chosen upgrade; whoever ran the cockpit shows it and comes back."""
        upgrade = self._subject().upgrade
        if upgrade is not None:
            self._cockpit.run_worker(self._fetch(upgrade), group="replay", exclusive=True, exit_on_error=False)

    async def _fetch(self, upgrade: Upgrade) -> None:
        try:
            lines = await self._cockpit.session.recording(upgrade.id)
        except RollsetError as error:
            self._cockpit.say(error.words, bad=True)
        else:
            self._cockpit.exit(Recorded(upgrade.id, upgrade.scale_set, lines))

    def do_start_engine(self) -> None:
        """Start an engine that somebody stopped."""
        self._cockpit.run_worker(self._start_engine(), group="start", exclusive=True, exit_on_error=False)

    async def _start_engine(self) -> None:
        try:
            await self._cockpit.session.start_engine()
        except RollsetError as error:
            self._cockpit.say(error.words, bad=True)

    def do_halt_all(self) -> None:
        """Halt everything after asking once, or lift that with a reason."""
        from tui.screens.halt_dialog import HaltDialog

        stands, cockpit = self._subject().halt, self._cockpit
        live = cockpit.to_pause() if stands is None else cockpit.live_upgrades()
        cockpit.push_screen(HaltDialog(stands, live))

    def do_help(self) -> None:
        """The keys of the screen in front."""
        from tui.screens.help import HelpSheet

        self._cockpit.push_screen(HelpSheet(self._front()))

    def do_palette(self) -> None:
        """Every action by name."""
        from tui.screens.choose_action import every_action

        self._cockpit.push_screen(every_action(self._front()), self._act)

    def do_menu(self) -> None:
        """Every verb, and why one cannot act."""
        from tui.screens.choose_action import every_verb

        self._cockpit.push_screen(every_verb(self._front()), self._act)

    def ask_where_to_save(self, title: str, words: str, name: str, text_for: Callable[[str], str]) -> None:
        """Ask for a file name, then write `text_for(name)` to a new file of that name; what became of it is said."""
        from tui.screens.prompt import Prompt

        async def save(given: str | None) -> None:
            if given is None:
                return
            try:
                where = await save_text(given, text_for(given))
            except RollsetError as error:
                self._cockpit.say(error.words, bad=True)
            else:
                self._cockpit.say(f"saved: {where}")

        self._cockpit.push_screen(Prompt(title, (words,), "file name", name), save)

    async def _act(self, name: str | None) -> None:
        if name is not None:
            await self._cockpit.action_act(name)
