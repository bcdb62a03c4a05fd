"""What Textual draws by itself (frames, scrollbars), for terminals without its signs, and everything without colour."""

from __future__ import annotations

from collections.abc import Sequence

from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter, Monochrome, NoColor

_HORIZONTAL = "─━═┄┅┈┉╌╍▁▔"
_VERTICAL = "│┃║┆┇┊┋╎╏▏▕▎▌▐"
_CORNERS = "┌┐└┘├┤┬┴┼╭╮╯╰┏┓┗┛╔╗╚╝"
_BLOCKS = "▀▂▃▄▅▆▇█▉▊▋▍"
PLAIN_SIGNS = str.maketrans(
    dict.fromkeys(_HORIZONTAL, "-")
    | dict.fromkeys(_VERTICAL, "|")
    | dict.fromkeys(_CORNERS, "+")
    | dict.fromkeys(_BLOCKS, "#")
    | {"…": "~", "•": "*", "▶": ">", "▼": "v"}
)


class AsciiLines(LineFilter):
    """Frames of `-`, `|` and `+`. Text from outside stays as it is."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """The same segments, in signs that every terminal has."""
        return [Segment(text.translate(PLAIN_SIGNS), style, control) for text, style, control in segments]


def line_filters(found: Sequence[LineFilter], *, no_color: bool, ascii: bool) -> list[LineFilter]:
    """Textual's filters with ours. Without colour means the terminal's own two, not Textual's greys on grey."""
    kept: list[LineFilter] = [each for each in found if not isinstance(each, Monochrome | NoColor)]
    if no_color:
        kept.append(_NO_COLOR)
    if ascii:
        kept.append(_ASCII)
    return kept


_NO_COLOR, _ASCII = NoColor(), AsciiLines()
