"""The keys of a recording that is played: a part of the cockpit."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from tui.app import Cockpit


class Playing:
    """Each does nothing where an engine is shown."""

    @property
    def _cockpit(self) -> Cockpit:
        return cast("Cockpit", self)

    def do_play(self) -> None:
        """Play, or stand still."""
        if self._cockpit.player is not None:
            self._cockpit.player.toggle()

    def do_event_after(self) -> None:
        """One event on."""
        if self._cockpit.player is not None:
            self._cockpit.player.step(1)

    def do_event_before(self) -> None:
        """One event back."""
        if self._cockpit.player is not None:
            self._cockpit.player.step(-1)

    def do_faster(self) -> None:
        """Play faster."""
        if self._cockpit.player is not None:
            self._cockpit.player.faster(2.0)

    def do_slower(self) -> None:
        """Play slower."""
        if self._cockpit.player is not None:
            self._cockpit.player.faster(0.5)

    def do_error_after(self) -> None:
        """On to the next error."""
        if self._cockpit.player is not None and not self._cockpit.player.seek_error(1):
            self._cockpit.say("no error after this")

    def do_error_before(self) -> None:
        """Back to the error before."""
        if self._cockpit.player is not None and not self._cockpit.player.seek_error(-1):
            self._cockpit.say("no error before this")

    def do_seek(self) -> None:
        """Ask for a place in the recording."""
        from tui.screens.prompt import Prompt

        player = self._cockpit.player
        if player is None:
            return
        words = ("50%  a share of the events", "1200  an event", "2:30  minutes and seconds since the start")
        self._cockpit.push_screen(Prompt("Go to", words, "50%, 1200 or 2:30"), self._seek)

    def _seek(self, text: str | None) -> None:
        player = self._cockpit.player
        if text is None or player is None:
            return
        if not player.seek_to(text):
            self._cockpit.say(f"{text!r} is no place: write 50%, 1200 or 2:30", bad=True)
