"""The command palette and the action menu: actions by name, each with its key and why it cannot act now."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from tui.actions import Action, Kind
from tui.cells import fit
from tui.effects import retryable
from tui.glyphs import Glyphs
from tui.palette import Line, Meaning, Piece
from tui.subject import Subject
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.screens.cockpit_screen import CockpitScreen

NAME, ON = 16, 12


class ChooseAction(ModalScreen[str | None]):
    """Ends with the id of an action, or None. What cannot act is shown with its reason and is not chosen."""

    CSS_PATH = "choose_action.tcss"
    BINDINGS: ClassVar[list[Any]] = [
        Binding("escape", "leave", "leave it", show=False),
        Binding("enter", "take", "do it", show=False),
        Binding("down,ctrl+n", "move(1)", "down", show=False),
        Binding("up,ctrl+p", "move(-1)", "up", show=False),
        Binding("pagedown", "move(10)", "page down", show=False),
        Binding("pageup", "move(-10)", "page up", show=False),
    ]

    def __init__(
        self,
        title: str,
        actions: Sequence[Action],
        before: CockpitScreen,
        acts_on: Callable[[Action], str] | None = None,
    ) -> None:
        super().__init__()
        self._acts_on = acts_on
        self._title = title
        self._actions = tuple(actions)
        self._before = before
        self._subject: Subject = before.subject()
        self._found: list[Action] = list(self._actions)

    def compose(self) -> ComposeResult:
        """Letters, the actions, what the chosen one does."""
        with Vertical(id="dialog"):
            box = Input(placeholder="letters of what it is called or does", compact=True)
            box.cursor_blink = False
            yield box
            yield Rows(id="columns", focusable=False)
            rows = Rows(has_cursor=True, id="actions")
            rows.can_focus = False
            yield rows
            yield Rows(id="does", focusable=False)

    def on_mount(self) -> None:
        """The letters have the focus; the arrows move in the list."""
        dialog = self.query_one("#dialog")
        dialog.border_title, dialog.border_subtitle = f" {self._title} ", " enter does it, esc leaves it "
        for rows in self.query(Rows):
            rows.use(self._before.cockpit.dialog_palette, ascii=self._before.cockpit.glyphs.ascii)
        self.query_one(Input).focus()
        self.call_after_refresh(self._draw)

    def on_rows_resized(self) -> None:
        """Lines are as long as the dialog is wide."""
        self._draw()

    @on(Input.Changed)
    def _typed(self, event: Input.Changed) -> None:
        self._found = matching(self._actions, event.value)
        self.query_one("#actions", Rows).move_to(0)
        self._draw()

    def _draw(self) -> None:
        rows, found, cockpit = self.query_one("#actions", Rows), self._found, self._before.cockpit
        rows.has_cursor = bool(found)
        width = self.query_one("#columns", Rows).wide
        self.query_one("#columns", Rows).show_lines([head_line(self._acts_on is not None, cockpit.glyphs, width)])
        if found:
            why_not = [action.why_not(self._subject) for action in found]
            rows.show(
                len(found),
                lambda y, width: action_line(
                    found[y], cockpit.key_words, why_not[y], cockpit.glyphs, width, self._acts_on
                ),
            )
        else:
            rows.show_lines([(Piece(" No action is called so.", Meaning.MUTED),)])
        chosen = self._chosen()
        why = chosen.why_not(self._subject) if chosen is not None else None
        line: Line = () if chosen is None else (Piece(f" {chosen.does}", Meaning.TEXT),)
        self.query_one("#does", Rows).show_lines([line, (Piece(f" {why}", Meaning.NOTICE),) if why else ()])

    def _chosen(self) -> Action | None:
        at = self.query_one("#actions", Rows).cursor
        return self._found[at] if at < len(self._found) else None

    def action_move(self, lines: int) -> None:
        """Another action."""
        self.query_one("#actions", Rows).action_move(lines)
        self._draw()

    @on(Input.Submitted)
    @on(Rows.Opened)
    def action_take(self) -> None:
        """This one, when it can act."""
        chosen = self._chosen()
        if chosen is not None and chosen.why_not(self._subject) is None:
            self.dismiss(chosen.id)

    def action_leave(self) -> None:
        """None."""
        self.dismiss(None)


def head_line(acts_on: bool, glyphs: Glyphs, width: int) -> Line:
    """What the columns are."""
    on = f"{fit('ACTS ON', ON)} " if acts_on else ""
    rest = f"DOES, OR {glyphs.pick('✗', 'x')} WHY NOT NOW"
    return (Piece(fit(f"{'KEY':>9}  {fit('ACTION', NAME)} {on}  {rest}", width, glyphs.ellipsis), Meaning.MUTED),)


def action_line(
    action: Action,
    keys_of: Callable[[str], str],
    why_not: str | None,
    glyphs: Glyphs,
    width: int,
    acts_on: Callable[[Action], str] | None = None,
) -> Line:
    """Key, name, what it would act on where that is told, what it does; or why it cannot act."""
    key = fit(keys_of(action.id), 9, right=True)
    name = fit(action.words, NAME, glyphs.ellipsis)
    on = f"{fit(acts_on(action), ON, glyphs.ellipsis)} " if acts_on is not None else ""
    rest = fit(why_not or action.does, max(0, width - NAME - 14 - len(on)), glyphs.ellipsis)
    if why_not is not None:
        cross = glyphs.pick("✗", "x")
        return (Piece(f"{key}  {name} {on}", Meaning.OUT), Piece(f"{cross} ", Meaning.OUT), Piece(rest, Meaning.OUT))
    return (
        Piece(key, Meaning.ACCENT),
        Piece(f"  {name} ", Meaning.TITLE),
        Piece(on, Meaning.TEXT),
        Piece(f"  {rest}", Meaning.MUTED),
    )


def matching(actions: Sequence[Action], letters: str) -> list[Action]:
    """Those whose name, id, verb or description has all the words typed; names that begin so come first."""
    wanted = letters.casefold().split()
    found = [
        action
        for action in actions
        if all(word in f"{action.words} {action.id} {action.verb} {action.does}".casefold() for word in wanted)
    ]
    return sorted(found, key=lambda action: not (wanted and action.words.casefold().startswith(wanted[0])))


def every_action(screen: CockpitScreen) -> ChooseAction:
    """The palette of a screen: those that can act first."""
    subject = screen.subject()
    found = [a for a in screen.cockpit.offered_actions(screen) if a.id not in ("palette", "menu")]
    ordered = sorted(found, key=lambda action: (action.why_not(subject) is not None, list(Kind).index(action.kind)))
    return ChooseAction("Everything by name", ordered, screen)


def every_verb(screen: CockpitScreen) -> ChooseAction:
    """The menu of what is under the cursor or marked: its verbs, in a recording the recording's."""
    subject = screen.subject()
    kinds = (Kind.UPGRADE, Kind.INSTANCES, Kind.REPLAY)
    found = [action for action in screen.cockpit.offered_actions(screen) if action.kind in kinds]
    if not subject.live:
        return ChooseAction("The recording", found, screen)
    return ChooseAction("Actions", found, screen, lambda action: acts_on(action, subject))


def acts_on(action: Action, subject: Subject) -> str:
    """`web-eu`, `web-eu_17`, `3 marked`, `all sets`: what the action would be about."""
    if action.id == "halt_all":
        return "all sets"
    if action.id == "retry" and subject.upgrade is not None:
        again = retryable(subject.upgrade, subject.instances)
        if len(again) > 1:
            return f"{len(again)} failed"
        if again and subject.scale_set is not None:
            return f"{subject.scale_set.name}_{again[0]}"
    if action.kind is Kind.INSTANCES or action.id == "skip":
        return _instances_of(subject)
    if len(subject.marked_sets) > 1:
        return f"{len(subject.marked_sets)} marked"
    return subject.scale_set.name if subject.scale_set is not None else "-"


def _instances_of(subject: Subject) -> str:
    name = subject.scale_set.name if subject.scale_set is not None else ""
    if len(subject.instances) > 1:
        return f"{len(subject.instances)} marked"
    return f"{name}_{subject.instances[0]}" if subject.instances else "-"
