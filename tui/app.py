"""The cockpit: wiring of session, screens, keys and themes."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, cast

from rich.text import Text
from textual.app import App
from textual.binding import Binding
from textual.driver import Driver
from textual.filter import LineFilter
from textual.screen import Screen

from engine.model.upgrade import HoldKind, Upgrade
from engine.wire.recording import OVERVIEW
from tui.actions import ACTIONS, Action, When, why_not_here
from tui.clipboard import osc52
from tui.clocks import Clocks
from tui.opening import Opening, Recorded
from tui.options import CockpitOptions
from tui.palette import Palette
from tui.plain_lines import line_filters
from tui.playing import Playing
from tui.screens.cockpit_screen import CockpitScreen
from tui.screens.home import HomeScreen
from tui.session import Player, Session
from tui.subject import Subject
from tui.themes import DEFAULT, load_themes

SETTLED_S = 1.0
SAID_FOR_S, WARNED_FOR_S = 3.0, 5.0
"""How long a toast stays."""
SAID_EVERY_S = 0.2
NOT_HERE = "not on this screen; ? shows its keys"
KEY_NAMES = {
    "question_mark": "?",
    "slash": "/",
    "colon": ":",
    "escape": "esc",
    "right_square_bracket": "]",
    "left_square_bracket": "[",
    "plus": "+",
    "exclamation_mark": "!",
    "equals_sign": "=",
    "full_stop": ".",
    "comma": ",",
    "greater_than_sign": ">",
    "less_than_sign": "<",
}


def _bindings() -> list[Binding]:
    return [
        Binding(
            action.keys or f"f24,{action.id}",
            f"act('{action.id}')",
            action.words,
            id=action.id,
            tooltip=action.does,
            show=False,
        )
        for action in ACTIONS.values()
    ]


class Cockpit(Opening, Playing, App[Recorded]):
    """Screens on a session. `player` is the recording's, None on an engine. Returns a recording it was left for."""

    TITLE = "rollset"
    ENABLE_COMMAND_PALETTE = False
    BINDINGS: ClassVar[list[Any]] = _bindings()
    CSS = """
    Toast { background: $dialog; padding: 0 1; max-width: 60; }
    """

    def __init__(
        self,
        session: Session,
        options: CockpitOptions | None = None,
        *,
        first_set: str = "",
        driver: type[Driver] | None = None,
    ) -> None:
        super().__init__(driver_class=driver)
        self.session = session
        self.options = options or CockpitOptions()
        self.glyphs = self.options.glyphs
        self.clocks: Clocks = self.options.clocks
        self.player: Player | None = None if session.live else getattr(session, "player", None)
        self.marked_sets: set[str] = set()
        self._rivals = _rivals(self.options.keys)
        self._to_say: tuple[str, bool] | None = None
        self._said_at = -SAID_EVERY_S
        self._first_set = first_set
        self._themes, self._bad_themes = load_themes(self.options.theme_folders)
        for theme in self._themes.values():
            self.register_theme(theme.textual())
        self.palette: Palette = self._themes[DEFAULT].palette()
        self.dialog_palette = self._themes[DEFAULT].dialog_palette()

    def get_line_filters(self) -> list[LineFilter]:
        """What every drawn line goes through."""
        return line_filters(super().get_line_filters(), no_color=self.no_color, ascii=self.glyphs.ascii)

    def on_mount(self) -> None:
        """Open the first screen, and tell what is wrong with the set-up."""
        self._watch_signals()
        self.set_timer(SETTLED_S, _collect_garbage)
        self.set_keymap(self.options.keys)
        self.app_resume_signal.subscribe(self, self._draw_all)
        known = self.options.theme in self._themes
        self.choose_theme(self.options.theme if known else DEFAULT)
        self.push_screen(HomeScreen(OVERVIEW))
        if self._first_set:
            self.open_set(self._first_set)
        if not known:
            self.say(f"there is no theme {self.options.theme!r}; choose with ctrl+t", bad=True)
        for words in self.options.troubles:
            self.say(words, bad=True)
        for bad in self._bad_themes:
            self.say(f"theme {bad.path.name}: {bad.why}", bad=True)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        """Values of our own style variables until a theme gives them."""
        return {"dialog": "#000000", "chosen": "#000000", "faint": "#808080"}

    def live_upgrades(self) -> list[Upgrade]:
        """Of all sets, as the first screen follows them from afar."""
        first = next((screen for screen in self.screen_stack if isinstance(screen, HomeScreen)), None)
        rows = first.scene.sets.values() if first is not None else ()
        return [row.upgrade.upgrade for row in rows if row.upgrade is not None and row.upgrade.upgrade.live]

    def to_pause(self) -> list[Upgrade]:
        """Those of them that a pause would stop."""
        return [u for u in self.live_upgrades() if not u.cancelling and HoldKind.OPERATOR not in u.holds]

    # --- saying something ---

    def say(self, words: str, *, bad: bool = False) -> None:
        """A toast in place of the last one; `words` may come from outside and are never read as markup.

        The first is there at once; of what a burst of keys says not each is drawn, but the last is.
        """
        waits = self._to_say is not None
        self._to_say = (words, bad)
        wait_s = SAID_EVERY_S - (time.monotonic() - self._said_at)
        if wait_s <= 0.0:
            self._say_last()
        elif not waits:
            self.set_timer(wait_s, self._say_last)

    def _say_last(self) -> None:
        if self._to_say is None:
            return
        (words, bad), self._to_say = self._to_say, None
        self._said_at = time.monotonic()
        self.clear_notifications()
        self.notify(
            words,
            severity="warning" if bad else "information",
            markup=False,
            timeout=WARNED_FOR_S if bad else SAID_FOR_S,
        )

    # --- actions ---

    def offered_actions(self, screen: Screen[Any]) -> list[Action]:
        """The actions that this screen or the app can carry out, in this session."""
        kind = When.LIVE if self.session.live else When.RECORDED
        return [
            action
            for action in ACTIONS.values()
            if action.when in (kind, When.BOTH) and self._handler(screen, action.id) is not None
        ]

    def _handler(self, screen: Screen[Any], name: str) -> Callable[[], object] | None:
        own = getattr(screen, f"do_{name}", None)
        return cast("Callable[[], object] | None", own or getattr(self, f"do_{name}", None))

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Whether a key is this action's here; another action that can act may have the same key."""
        if action != "act":
            return True
        known = ACTIONS[str(parameters[0])]
        if self._belongs(known):
            return True
        return not any(self._belongs(other) for other in self._rivals[known.id])

    def _belongs(self, action: Action) -> bool:
        return (
            why_not_here(action, live=self.session.live) is None and self._handler(self.screen, action.id) is not None
        )

    async def action_act(self, name: str) -> None:
        """Carry out an action, or say why it cannot act."""
        action = ACTIONS[name]
        screen = self.screen
        handler = self._handler(screen, name)
        subject = screen.subject() if isinstance(screen, CockpitScreen) else Subject(self.session.live, True)
        why = why_not_here(action, live=self.session.live)
        if why is None:
            why = NOT_HERE if handler is None else action.why_not(subject)
        if why is not None or handler is None:
            self.say(f"{action.words.rstrip('…')}: {why}", bad=True)
            return
        found = handler()
        if asyncio.iscoroutine(found):
            await found

    def key_words(self, name: str) -> str:
        """The first key of an action, as a person would write it."""
        keys = self.options.keys.get(name) or ACTIONS[name].keys
        first = keys.split(",")[0].strip()
        return KEY_NAMES.get(first, first)

    def all_keys(self, name: str) -> str:
        """All keys of an action, as a person would write them."""
        keys = self.options.keys.get(name) or ACTIONS[name].keys
        return " ".join(KEY_NAMES.get(key.strip(), key.strip()) for key in keys.split(",") if key.strip())

    # --- what every screen can do ---

    def open_set(self, key: str) -> None:
        """Open one scale set."""
        from tui.screens.scale_set import ScaleSetScreen

        self.push_screen(ScaleSetScreen(key))

    def do_back(self) -> None:
        """Close the screen in front; the first one stays, but a recording is left."""
        if len(self.screen_stack) > 2:
            self.pop_screen()
        elif not self.session.live:
            self.exit()

    def do_sets(self) -> None:
        """Back to all scale sets."""
        while len(self.screen_stack) > 2:
            self.pop_screen()

    def do_leave(self) -> None:
        """Leave; the engine goes on."""
        self.exit()

    def do_suspend(self) -> None:
        """Back to the shell until `fg`."""
        self.action_suspend_process()

    def do_utc(self) -> None:
        """Times in UTC, or in the operator's zone."""
        self.clocks = Clocks(self.clocks.zone, not self.clocks.utc)
        self.say("times in UTC" if self.clocks.utc else "times in your zone")
        self._draw_all()

    def do_theme(self) -> None:
        """The next theme."""
        names = sorted(self._themes, key=lambda name: (name != DEFAULT, name))
        following = names[(names.index(self.theme) + 1) % len(names)] if self.theme in names else DEFAULT
        self.choose_theme(following)
        self.say(f"theme: {self._themes[following].title}")

    def choose_theme(self, name: str) -> None:
        """Draw everything in another theme."""
        self.palette = self._themes[name].palette(reverses=self.no_color)
        self.dialog_palette = self._themes[name].dialog_palette(reverses=self.no_color)
        self.theme = name
        for screen in self.screen_stack:
            if isinstance(screen, CockpitScreen) and screen.is_mounted:
                screen.use_palette()
        self._draw_all()

    # --- the terminal ---

    def copy_text(self, text: str) -> None:
        """Put text on the operator's clipboard, through tmux and screen."""
        sequence, whole = osc52(text, os.environ)
        if self._driver is not None:
            self._driver.write(sequence)
        self.say("copied" if whole else "copied as much as terminals take")

    def _watch_signals(self) -> None:
        """A closed terminal or a request to end leaves cleanly: the screen is restored, workers end."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGHUP, signal.SIGTERM):
            loop.add_signal_handler(number, self.exit)

    def _draw_all(self, _sender: object = None) -> None:
        screen = self.screen
        screen.refresh(layout=True)
        if isinstance(screen, CockpitScreen):
            screen.paint_now()


def _rivals(keymap: Mapping[str, str]) -> Mapping[str, tuple[Action, ...]]:
    """By action, the others that have a key of its own: asked at every key, so it is found out once."""
    keys = {name: frozenset((keymap.get(name) or a.keys).split(",")) - {""} for name, a in ACTIONS.items()}
    return {
        name: tuple(ACTIONS[other] for other in ACTIONS if other != name and keys[other] & own)
        for name, own in keys.items()
    }


def _collect_garbage() -> None:
    """Where it was put off until the first picture: from now on, but never through what is loaded by now and stays."""
    if not gc.isenabled():
        gc.freeze()
        gc.enable()


def plain(text: str) -> Text:
    """Text for one of Textual's own widgets, never read as markup."""
    return Text(text)
