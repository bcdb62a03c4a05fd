"""The dialog of a verb: its exact effect now, the production set's name, a reason, and the command line of the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from engine.model.errors import InputError, RollsetError
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade
from tui.actions import ONE_BY_ONE, Action, command_line
from tui.cells import wrap
from tui.effects import Ground, effect_lines, retryable
from tui.palette import Line, Meaning, Piece
from tui.screens.set_header import production_tag
from tui.session import LinkState, Source
from tui.subject import Subject
from tui.widgets.field import Field
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.app import Cockpit

ENGINE_VERB = {"unprotect": "protect"}
PROTECTION: dict[str, dict[str, object]] = {
    "protect": {"from_actions": True, "from_scale_in": True},
    "unprotect": {"from_actions": False, "from_scale_in": False},
}
KEYS = " enter does it, esc leaves it, tab next field "
SEEN = frozenset({"resume", "step", "cancel", "rollback", "retry", "skip", "accept_loss"})


BORDERS = 2
MEANWHILE = 3
"""So many of the last events are told when the upgrade moved on under the dialog."""


class ActDialog(ModalScreen[None]):
    """One verb on one scale set. What it shows is what it sends: the state's version goes with the command."""

    CSS_PATH = "act_dialog.tcss"
    AUTO_FOCUS = "#reason"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape", "leave", "leave it", show=False),
        Binding("enter", "act", "do it", show=False),
    ]

    def __init__(self, action: Action, source: Source, key: str, instances: Sequence[str] = ()) -> None:
        super().__init__()
        self._action = action
        self._source = source
        self._key = key
        self._instances = tuple(instances)
        self._seen: int | None = None
        self._first_seen: int | None = None
        self._first_seq = 0
        self._trouble: RollsetError | None = None
        self._busy = False

    @property
    def cockpit(self) -> Cockpit:
        """The app, by its own type."""
        return cast("Cockpit", self.app)

    @property
    def scale_set(self) -> ScaleSet | None:
        """The set as it is now."""
        return self._source.scene.scale_sets.get(self._key)

    @property
    def upgrade(self) -> Upgrade | None:
        """Its live upgrade, else its last."""
        return self._source.scene.upgrade

    def compose(self) -> ComposeResult:
        """Effect, fields, command line."""
        with Vertical(id="dialog"):
            yield Rows(id="effect", focusable=False)
            yield from self.fields()
            confirm = Field("set's name", "confirm", "type it in full: this is production")
            confirm.display = False
            yield confirm
            yield Field("why", "reason", "kept in the audit trail")
            yield Rows(id="outcome", focusable=False)

    def fields(self) -> ComposeResult:
        """More inputs of a particular verb."""
        yield from ()

    def on_mount(self) -> None:
        """Follow the set while the dialog is open."""
        for rows in self.query(Rows):
            rows.use(self.cockpit.dialog_palette, ascii=self.cockpit.glyphs.ascii)
        self.query_one("#dialog").border_subtitle = KEYS
        follow: Callable[[], Awaitable[None]] = self._follow
        self.run_worker(follow, group="source", exit_on_error=False)
        self.call_after_refresh(self.changed)

    async def _follow(self) -> None:
        await self._source.run(self.changed)

    def on_rows_resized(self) -> None:
        """Lines are as long as the dialog is wide."""
        self.changed()

    def changed(self) -> None:
        """Draw the effect as it is now."""
        if not self.is_attached:
            return
        scale_set = self.scale_set
        production = scale_set is not None and scale_set.is_production
        confirm = self.query_one("#confirm-field", Field)
        if confirm.display != production:
            confirm.display = production
            reason = self.query_one("#reason", Input)
            if production and reason.has_focus and not reason.value:
                self.query_one("#confirm").focus()
        version = self.upgrade.version if self.upgrade is not None else None
        if self._first_seen is None and version is not None:
            self._first_seen, self._first_seq = version, self._source.scene.seq
        self._seen = version
        fields = sum(bool(field.display) for field in self.query(Field))
        room = self.size.height * 96 // 100 - BORDERS - fields
        effect = self._effect(scale_set)
        below = self._put("#outcome", self._outcome(scale_set, _text(effect)), room)
        self._put("#effect", effect, room - below)

    def _put(self, name: str, lines: list[Line], room: int) -> int:
        """Show the lines, or on a low screen as many as fit with a mark; returns how many are shown."""
        rows = self.query_one(name, Rows)
        width = max(20, rows.wide)
        found = [wrapped for line in lines for wrapped in _wrapped(line, width)]
        if len(found) > room > 1:
            found = [*found[: room - 1], (Piece(f"{self.cockpit.glyphs.ellipsis} {len(found) - room + 1} more lines"),)]
        rows.styles.height = len(found)
        rows.show_lines(found)
        return len(found)

    def _effect(self, scale_set: ScaleSet | None) -> list[Line]:
        title = self._action.words.rstrip("…").capitalize()
        if scale_set is None:
            return [(Piece(title, Meaning.TITLE),), (), (Piece("reading the scale set", Meaning.MUTED),)]
        name = Piece(f"{title}  {scale_set.name}", Meaning.TITLE)
        found: list[Line] = [(name, *production_tag(scale_set)), ()]
        if self._first_seen != self._seen and self.upgrade is not None:
            words = f"It has moved on while you looked, and is {self.upgrade.state.value} now."
            found += [(Piece(words, Meaning.NOTICE),), *self._meanwhile(self._first_seq)]
        why = self._why_not()
        return [
            *found,
            *([(Piece(f"It cannot act now: {why}.", Meaning.NOTICE),)] if why else self.effect(scale_set)),
            (),
        ]

    def _why_not(self) -> str | None:
        """Why it cannot act (any more), by what is known of the set from near."""
        session, lost = self.cockpit.session, self._source.link.state is LinkState.LOST
        return self._action.why_not(
            Subject(
                session.live,
                session.readonly,
                not lost,
                scale_set=self.scale_set,
                upgrade=self.upgrade,
                instances=self._instances,
                earlier=self._earlier(),
                halt=self._source.scene.halt,
            )
        )

    def _earlier(self) -> tuple[Upgrade, ...]:
        return tuple(self._source.scene.upgrades.values())

    def _meanwhile(self, seq: int) -> list[Line]:
        """Who did what to the upgrade after an event, as far as the feed tells it."""
        feed = self._source.scene.feed
        since = [x for x in feed if x.seq > seq and x.stream.startswith("upgrade/") and not x.instance_id]
        return [(Piece(f"{line.actor}: {line.words}", Meaning.MUTED),) for line in since[-MEANWHILE:]]

    def effect(self, scale_set: ScaleSet) -> list[Line]:
        """What it would do, exactly."""
        ground = Ground(scale_set, self.upgrade, self.instances(), self._earlier())
        return effect_lines(self._action.id.replace("_", "-"), ground)

    def instances(self) -> tuple[str, ...]:
        """Those it acts on."""
        if self._action.id == "retry" and self.upgrade is not None:
            return retryable(self.upgrade, self._instances)
        return self._instances if self._action.id in ONE_BY_ONE or self._action.id == "skip" else ()

    def _outcome(self, scale_set: ScaleSet | None, above: str) -> list[Line]:
        """The command line, and what was said to it; an effect that says the same is not repeated."""
        found: list[Line] = [()]
        if self._trouble is not None and self._trouble.message in above:
            found += [(Piece("Nothing was done: the reason is above.", Meaning.BAD),), ()]
        elif self._trouble is not None:
            found += [
                (Piece(self._trouble.message, Meaning.BAD),),
                *([(Piece(self._trouble.next_step, Meaning.MUTED),)] if self._trouble.next_step else []),
                (),
            ]
        name = scale_set.name if scale_set is not None else ""
        options = self.extra() | self._given()
        if scale_set is not None and scale_set.is_production:
            options["confirm"] = name
        line = command_line(self._action, name, self.instances(), options)
        return [*found, (Piece(f"$ {line}", Meaning.ACCENT),)]

    def extra(self) -> dict[str, object]:
        """Arguments of a particular verb, as the engine takes them."""
        return PROTECTION.get(self._action.id, {})

    def _given(self) -> dict[str, object]:
        reason, confirm = self.query_one("#reason", Input).value, self.query_one("#confirm", Input).value
        asked = self.query_one("#confirm-field", Field).display
        return {"reason": reason.strip(), "confirm": confirm.strip() if asked else ""}

    @on(Input.Changed)
    def _typed(self) -> None:
        self._trouble = None
        self.changed()

    @on(Input.Submitted)
    def _submitted(self) -> None:
        self.action_act()

    def action_leave(self) -> None:
        """Nothing happens."""
        self.dismiss(None)

    def action_act(self) -> None:
        """Send it, once, and only with the name typed where that is needed."""
        scale_set = self.scale_set
        if self._busy or scale_set is None:
            return
        if (why := self._why_not()) is not None:
            self.cockpit.say(f"{self._action.words.rstrip('…')}: {why}", bad=True)
            return
        typed = self._given()["confirm"]
        if scale_set.is_production and typed != scale_set.name:
            words = f"{scale_set.name} is tagged environment=production: type its name to confirm."
            self._trouble = InputError("ConfirmationNeeded", words, f"You typed {typed!r}." if typed else "")
            self.query_one("#confirm").focus()
            self.changed()
        else:
            self._busy = True
            self.run_worker(self._send(), group="send", exit_on_error=False)

    async def _send(self) -> None:
        arguments: dict[str, Any] = {"set": self._key} | {k: v for k, v in self._given().items() if v} | self.extra()
        if self._action.id in SEEN:
            arguments["seen_version"] = self._seen
        self.changed()
        try:
            said = await self._send_each(arguments)
        except RollsetError as error:
            self._trouble = error
        else:
            self.cockpit.say(said)
            self.dismiss(None)
            return
        finally:
            self._busy = False
        self.changed()

    async def _send_each(self, arguments: dict[str, Any]) -> str:
        verb = ENGINE_VERB.get(self._action.id, self._action.verb)
        instances = self.instances()
        if self._action.id not in ONE_BY_ONE:
            more = {"instances": list(instances)} if instances else {}
            answer = await self.cockpit.session.command(verb, arguments | more)
            return str(answer.get("message") or self._said(answer))
        said = ""
        for name in instances:
            answer = await self.cockpit.session.command(verb, arguments | {"instance": name})
            said = str(answer.get("message", ""))
        return said if len(instances) == 1 else f"{self._action.words.rstrip('…')}: {len(instances)} instances"

    def _said(self, answer: dict[str, Any]) -> str:
        upgrade = answer.get("upgrade") or {}
        return f"{upgrade.get('scale_set_name', '')} goes to {upgrade.get('target', '')}"


def _text(lines: list[Line]) -> str:
    return " ".join(piece.text for line in lines for piece in line)


def _wrapped(line: Line, width: int) -> list[Line]:
    """A line of the dialog in as many as it takes; only its last piece is broken."""
    if sum(cell_len(piece.text) for piece in line) <= width or len(line) != 1:
        return [line]
    piece = line[0]
    return [(Piece(text, piece.meaning, piece.bold),) for text in wrap(piece.text, width)]
