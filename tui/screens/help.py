"""The keys of a screen, out of the registry."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical
from textual.screen import ModalScreen

from tui.actions import Action, Kind
from tui.cells import fit, width_of
from tui.glyphs import Glyphs
from tui.palette import Line, Meaning, Piece
from tui.widgets.rows import Rows

if TYPE_CHECKING:
    from tui.screens.cockpit_screen import CockpitScreen

COLUMN = 56
EVERYWHERE = (
    ("↑ ↓ j k", "Move up and down; in the heat map ← → too."),
    ("pgup pgdn", "Move by a screenful."),
    ("home end G", "To the first, to the last."),
)


class HelpSheet(ModalScreen[None]):
    """Closes with escape, `?` or `q`."""

    CSS_PATH = "help.tcss"
    BINDINGS: ClassVar[list[Any]] = [Binding("escape,question_mark,q,enter", "leave", "close", show=False)]

    def __init__(self, before: CockpitScreen) -> None:
        super().__init__()
        self._before = before

    def compose(self) -> ComposeResult:
        """One list."""
        with Vertical(id="dialog"):
            yield Rows(id="keys")

    def on_mount(self) -> None:
        """Draw it."""
        dialog = self.query_one("#dialog")
        title = self._before.HELP_TITLE
        dialog.border_title = f" Keys: {title} " if title else " Keys "
        dialog.border_subtitle = " esc closes, : runs one by name "
        cockpit = self._before.cockpit
        self.query_one("#keys", Rows).use(cockpit.dialog_palette, ascii=cockpit.glyphs.ascii)
        self.query_one("#keys").focus()
        self.call_after_refresh(self.on_rows_resized)

    def on_rows_resized(self) -> None:
        """Two columns where they fit."""
        cockpit, rows = self._before.cockpit, self.query_one("#keys", Rows)
        subject = self._before.subject()
        actions = [(a, a.why_not(subject)) for a in cockpit.offered_actions(self._before)]
        rows.show_lines(help_lines(actions, cockpit.all_keys, cockpit.glyphs, rows.wide))

    def action_leave(self) -> None:
        """Back to the screen."""
        self.dismiss(None)


def help_lines(
    actions: Sequence[tuple[Action, str | None]], keys_of: Callable[[str], str], glyphs: Glyphs, width: int
) -> list[Line]:
    """The actions by kind, side by side where the sheet is wide; those that cannot act now are faint."""
    blocks = [_block(kind, [x for x in actions if x[0].kind is kind], keys_of, glyphs) for kind in Kind]
    blocks = [block for block in blocks if block]
    if width < 2 * COLUMN:
        return [line for block in blocks for line in (*block, ())]
    half = sum(len(block) + 1 for block in blocks) / 2
    left: list[Line] = []
    right: list[Line] = []
    for block in blocks:
        column = left if len(left) < half and len(left) + len(block) / 2 <= half + 2 else right
        column += [*block, ()]
    right += [()] * (len(left) - len(right))
    left += [()] * (len(right) - len(left))
    return [(*a, Piece(" " * max(2, width // 2 - width_of(a))), *b) for a, b in zip(left, right, strict=True)]


def _block(
    kind: Kind, actions: Sequence[tuple[Action, str | None]], keys_of: Callable[[str], str], glyphs: Glyphs
) -> list[Line]:
    found: list[Line] = []
    for action, why_not in actions:
        keys = keys_of(action.id)
        if not keys:
            continue
        faint = why_not is not None
        found.append(
            (
                Piece(fit(keys, 11, glyphs.ellipsis, right=True), Meaning.OUT if faint else Meaning.ACCENT),
                Piece(f"  {action.does}", Meaning.OUT if faint else Meaning.TEXT),
            )
        )
    if kind is Kind.MOVE:
        moves = [(fine if not glyphs.ascii else fine.replace("↑ ↓", "arrows"), words) for fine, words in EVERYWHERE]
        found = [
            *((Piece(fit(keys, 11, right=True), Meaning.ACCENT), Piece(f"  {words}")) for keys, words in moves),
            *found,
        ]
    return [(Piece(f" {kind.value}", Meaning.TITLE),), *found] if found else []
