"""What all screens share: a source, a header, a footer made from the actions, and painting at a calm pace."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterable
from typing import TYPE_CHECKING, ClassVar, cast

from textual.app import ComposeResult
from textual.binding import Binding
from textual.events import Resize, ScreenResume
from textual.screen import Screen
from textual.timer import Timer
from textual.widget import Widget

from engine.model.scale_set import ScaleSet
from engine.model.upgrade import HoldKind
from tui.cells import spread
from tui.clocks import short
from tui.footer import footer_line
from tui.palette import Line, Meaning, Piece
from tui.replay_bar import Reel, reel_line
from tui.scene import Scene
from tui.session import LinkState, Player, Source
from tui.subject import Subject
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.app import Cockpit

PAINT_EVERY_S = 0.3
GATHER_S = 0.05
"""Changes come in groups, and a key is answered before what it changes elsewhere is painted."""
TICK_S = 1.0
DAY = len("2026-03-01 ")


class CockpitScreen(Screen[None]):
    """A screen on one scope. A subclass gives `body` and `paint`, and methods `do_<action id>` for what it can do.

    `paint` draws from `self.scene` and is called at most about three times a second, once a second while something
    moves or the engine is lost, and never while another screen is in front.
    """

    DEFAULT_CSS = """
    CockpitScreen { background: $background; color: $foreground; layout: vertical; }
    CockpitScreen #head { height: 2; }
    CockpitScreen #foot, CockpitScreen #hint, CockpitScreen #reel { height: 1; }
    CockpitScreen Input { border: none; height: 1; padding: 0 1; background: $chosen; }
    """
    AUTO_FOCUS = "*.first"
    BINDINGS: ClassVar[list[Binding]] = []  # type: ignore[assignment]  # a narrower element type than Textual's
    HELP_TITLE: ClassVar[str] = ""

    def __init__(self, scope: str) -> None:
        super().__init__()
        self.scope = scope
        self._source: Source | None = None
        self._timer: Timer | None = None
        self._painted_at = 0.0
        self._told = ""
        self._due = False

    # --- what a subclass gives ---

    def body(self) -> ComposeResult:
        """The widgets between header and footer."""
        yield from ()

    def paint(self) -> None:
        """Draw the present state."""

    def subject(self) -> Subject:
        """What an action would act on."""
        return self.bare_subject()

    def header(self) -> list[Line]:
        """The lines of the header; the link to the engine goes to the end of the first."""
        return [(Piece(" rollset", Meaning.TITLE),)]

    # --- what it may use ---

    @property
    def cockpit(self) -> Cockpit:
        """The app, by its own type."""
        return cast("Cockpit", self.app)

    @property
    def source(self) -> Source:
        """Where the state comes from."""
        if self._source is None:
            self._source = self.cockpit.session.source(self.scope)
        return self._source

    @property
    def scene(self) -> Scene:
        """The present state."""
        return self.source.scene

    @property
    def scale_set(self) -> ScaleSet | None:
        """The whole set of the scope, or the recorded one; None while it is not there (yet, or any more)."""
        return self.scene.scale_sets.get(self.scope) or self.scene.scale_set

    def bare_subject(self) -> Subject:
        """A subject without a set."""
        session = self.cockpit.session
        link = self.source.link
        connected = link.state is not LinkState.LOST
        return Subject(session.live, session.readonly, connected, halt=self.scene.halt, startable=link.startable)

    # --- how it runs ---

    @property
    def is_current(self) -> bool:
        """Whether it is in front.

        Textual's own holds for the screen under the front one too, which then repaints everything ten times a second
        for ever once it has changed.
        """
        return bool(self.app.screen_stack) and self.app.screen is self

    def compose(self) -> ComposeResult:
        """Header, body, footer."""
        yield Rows(id="head", focusable=False)
        yield from self.body()
        if self.cockpit.options.hint:
            yield Rows(id="hint", focusable=False)
        if self.cockpit.player is not None:
            yield Rows(id="reel", focusable=False)
        yield Rows(id="foot", focusable=False)

    def on_mount(self) -> None:
        """Begin to follow the source. Textual calls the `on_mount` of every class of a screen: none calls another's."""
        self.use_palette()
        follow: Callable[[], Awaitable[None]] = self._follow
        self.run_worker(follow, group="source", exclusive=True, exit_on_error=False)
        self.set_interval(TICK_S, self._tick)
        self._paint_once_laid_out()

    async def _follow(self) -> None:
        await self.source.run(self.changed)

    def use_palette(self) -> None:
        """Give every line-drawing widget the theme's colours."""
        for widget in self.query(Rows):
            widget.use(self.cockpit.palette, ascii=self.cockpit.glyphs.ascii)

    def changed(self) -> None:
        """Something is new: paint soon, but not more often than the pace."""
        if self._timer is None and self.is_attached:
            wait = PAINT_EVERY_S - (time.monotonic() - self._painted_at)
            self._timer = self.set_timer(max(GATHER_S, wait), self.paint_now)

    def paint_now(self) -> None:
        """Paint, unless another screen is in front."""
        self._timer = None
        if not self.is_attached or not self.is_current:
            return
        self._painted_at = time.monotonic()
        for part in (self.paint, self._paint_edges):  # the header tells of what the body has just gathered
            try:
                part()
            except (LookupError, ArithmeticError, ValueError, TypeError, AttributeError, AssertionError) as error:
                self._cannot_draw(error)

    def _cannot_draw(self, error: Exception) -> None:
        """An answer that is not as expected spoils one screen, not the cockpit; each trouble is told once."""
        words = f"this screen cannot be drawn whole ({type(error).__name__}: {error}); esc leaves it"
        if words != self._told:
            self._told = words
            self.cockpit.say(words, bad=True)

    def _tick(self) -> None:
        moving = any(row.upgrade is not None and row.upgrade.upgrade.live for row in self.scene.sets.values())
        link = self.source.link.state
        if link is LinkState.LOST or (moving and link is LinkState.LIVE):
            self.changed()

    def on_screen_resume(self, _event: ScreenResume) -> None:
        """It is in front again."""
        self._paint_once_laid_out()

    def on_resize(self, _event: Resize) -> None:
        """Lines are as long as the screen."""
        self._paint_once_laid_out()

    def _paint_once_laid_out(self) -> None:
        """Once for all who ask before the screen is laid out."""
        if not self._due:
            self._due = self.call_after_refresh(self._paint_due)

    def _paint_due(self) -> None:
        self._due = False
        self.paint_now()

    def on_rows_resized(self) -> None:
        """Lines are as long as their panel."""
        self.changed()

    def on_descendant_focus(self) -> None:
        """What can be done may depend on the panel."""
        self.changed()

    def _paint_edges(self) -> None:
        head = self.query_one("#head", Rows)
        width = self.size.width
        lines = self.header()
        if lines:
            lines[0] = spread(lines[0], link_line(self), width)
            lines[1:1] = self.halt_lines()
        head.styles.height = len(lines)
        head.show_lines(lines)
        for hint in self.query("#hint").results(Rows):
            hint.show_lines([(Piece(" " + self.cockpit.options.hint, Meaning.ACCENT),)])
        player = self.cockpit.player
        if player is not None:
            reel = reel_line(reel_of(self, player), self.cockpit.glyphs, width)
            self.query_one("#reel", Rows).show_lines([reel])
        self.query_one("#foot", Rows).show_lines([footer_line(self.offered(), self.cockpit.key_words, width)])

    def halt_lines(self) -> list[Line]:
        """Below the first line of the header: who halted everything, since when, why; nothing where nobody did."""
        halt = self.scene.halt
        if halt is None:
            return []
        today, since = (self.cockpit.clocks.day(at) for at in (self.source.now().at, halt.since_at))
        since = since.removeprefix(today[:DAY])
        said = Piece(f" HALTED by {halt.by} since {since}: {halt.reason or 'no reason given'}", Meaning.BAD)
        keys = f"  {self.cockpit.key_words('halt_all')} lifts it " if self.cockpit.session.live else ""
        return [spread((said,), (Piece(keys, Meaning.ACCENT),), self.size.width)]

    def offered(self) -> Iterable[str]:
        """Ids of the actions of this screen that could act now.

        What is paused already is not offered its pause, nor a halt what does not roll; the keys act all the same.
        """
        subject = self.subject()
        upgrade = subject.upgrade if len(subject.marked_sets) < 2 else None
        paused = upgrade is not None and HoldKind.OPERATOR in upgrade.holds
        rolls = subject.halt is None and bool(self.cockpit.to_pause())
        idle = {name for name, so in (("pause", paused), ("halt_all", not rolls)) if so}
        own = self.cockpit.offered_actions(self)
        return [a.id for a in own if a.why_not(subject) is None and a.id not in idle]

    def panels(self) -> list[Widget]:
        """What `tab` goes through."""
        return [widget for widget in self.focus_chain if widget.can_focus]

    def do_next_panel(self) -> None:
        """Move to the next panel."""
        self.focus_next()

    def do_last_panel(self) -> None:
        """Move to the panel before."""
        self.focus_previous()


def link_line(screen: CockpitScreen) -> Line:
    """How fresh the state is, for the right end of the header."""
    glyphs, link = screen.cockpit.glyphs, screen.source.link
    player = screen.cockpit.player
    if player is not None:
        words = f"recording of {player.run_shown} " if player.run_shown else "recording "
        return (Piece(glyphs.pick("◀▶ ", "<> "), Meaning.ACCENT), Piece(words, Meaning.MUTED))
    if link.state is LinkState.LIVE:
        zone = screen.cockpit.clocks.name(screen.source.now().at)
        dot = Piece(glyphs.pick("● ", "* "), Meaning.GOOD)
        return (Piece(f"{zone}  ", Meaning.MUTED), dot, Piece("live ", Meaning.MUTED))
    if link.state is LinkState.CONNECTING:
        return (Piece("connecting ", Meaning.MUTED),)
    if link.stopped_by:
        keys = f"; {screen.cockpit.key_words('start_engine')} starts it" if link.startable else ""
        return (Piece(f"{glyphs.pick('○', 'o')} engine stopped by {link.stopped_by}{keys} ", Meaning.BAD),)
    age = short(time.time() - link.since_at)
    return (Piece(f"{glyphs.pick('○', 'o')} engine lost, {age} old ", Meaning.BAD),)


def reel_of(screen: CockpitScreen, player: Player) -> Reel:
    """The recording's bar as it is now."""
    clocks, at = screen.cockpit.clocks, screen.source.now().at
    gone_s, all_s = player.elapsed_s()
    moment = f"{clocks.time(at)} {clocks.name(at)}"
    state = screen.source.link.state
    return Reel(state, player.position, player.length, player.speed, player.errors, gone_s, all_s, moment)
