"""What a terminal shows and what it should show, cell by cell: only the difference is written.

Textual writes whole lines, and after a change of layout the whole screen, with every colour set anew for each word.
Over SSH that is the difference between a tool that answers and one that lags.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import lru_cache

from rich.cells import cell_len

_FRAME = re.compile(r"\x1b\[\d+;\d+H")
_TOKEN = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[([\d;]*)m|([^\x00-\x1f\x7f-\x9f]+)|(\r?\n)|.", re.DOTALL)
SYNC_START, SYNC_END = "\x1b[?2026h", "\x1b[?2026l"
ENTER_SCREEN, LEAVE_SCREEN = "\x1b[?1049h", "\x1b[?1049l"
GAP = 4
"""So many unchanged cells between two changed ones are written again: moving the cursor takes as much."""
CONTROL_LIMIT = 1024 * 1024
"""Characters of control sequences that may wait for a terminal that takes nothing."""
PLAIN = ""


class _Row:
    """Cells of one line. A character of two cells stands in the first, the second holds nothing."""

    __slots__ = ("characters", "styles")

    def __init__(self, columns: int) -> None:
        self.characters = [" "] * columns
        self.styles = [PLAIN] * columns

    def same(self, other: _Row) -> bool:
        return self.characters == other.characters and self.styles == other.styles

    def copy(self) -> _Row:
        found = _Row(0)
        found.characters, found.styles = self.characters.copy(), self.styles.copy()
        return found

    def write(self, x: int, text: str, style: str) -> int:
        """Put text at `x`; where it ends. Text with characters of other than one cell stays together."""
        cells = _cells(text)
        end = min(len(self.characters), x + len(cells))
        if x < end:
            self._cut(x)
            self._cut(end)
            self.characters[x:end] = cells[: end - x]
            if len(cells) > end - x and not cells[end - x]:
                self._cut_off(end)
            self.styles[x:end] = [_blank(style) if text.isspace() else style] * (end - x)
        return x + len(cells)

    def _cut_off(self, end: int) -> None:
        """The half of a wide character that found no room is a blank."""
        while not self.characters[end - 1]:
            end -= 1
        self.characters[end - 1 :] = [" "] * (len(self.characters) - end + 1)

    def _cut(self, x: int) -> None:
        """A wide character that reaches across `x` is gone from both sides."""
        if not 0 < x < len(self.characters) or self.characters[x]:
            return
        first = x
        while first > 0 and self.characters[first] == "":
            first -= 1
        last = x
        while last < len(self.characters) and self.characters[last] == "":
            last += 1
        self.characters[first:last] = [" "] * (last - first)


class Grid:
    """Takes in what Textual writes; `difference` gives what the terminal still has to be told."""

    def __init__(self, columns: int, lines: int) -> None:
        self._control: list[str] = []
        self._control_size = 0
        self._synchronised = False
        self._open = False
        self._cursor = (1, 1)
        self._moved = False
        self.resize(columns, lines)

    @property
    def size(self) -> tuple[int, int]:
        """Columns and lines."""
        return self._columns, len(self._wanted)

    @property
    def waits(self) -> bool:
        """Whether there is something to be told."""
        return bool(self._control or (self._open and (self._touched or self._moved)))

    def resize(self, columns: int, lines: int) -> None:
        """Another size: nothing is known of the terminal, and nothing is wanted yet."""
        self._columns = columns
        self._wanted = [_Row(columns) for _ in range(lines)]
        self._shown: list[_Row | None] = [None] * lines
        self._touched: set[int] = set()

    def forget(self) -> None:
        """The terminal may show anything: all is written anew."""
        self._shown = [None] * len(self._wanted)
        self._touched = set(range(len(self._wanted)))

    def take(self, data: str) -> None:
        """One write of Textual's: a frame, or control sequences that go to the terminal as they are."""
        if data == SYNC_START:
            self._synchronised = True
        elif data == SYNC_END:
            return
        elif _FRAME.match(data):
            self._draw(data)
        elif self._control_size + len(data) <= CONTROL_LIMIT:
            self._control.append(data)
            self._control_size += len(data)
            if ENTER_SCREEN in data:
                self._open = True
                self.forget()
            elif LEAVE_SCREEN in data:
                self._open = False

    def _draw(self, data: str) -> None:
        """A frame: positions, styles, text. Whatever else is in it was text from somewhere, and is not let through."""
        line, column, style = 0, 0, PLAIN
        for found in _TOKEN.finditer(data):
            row, at, sgr, text, newline = found.groups()
            if row is not None:
                line, column = int(row) - 1, int(at) - 1
            elif sgr is not None:
                style = _normal(sgr)
            elif newline is not None:
                line, column = line + 1, 0
            elif line < len(self._wanted):
                column = self._wanted[line].write(column, text or "\N{REPLACEMENT CHARACTER}", style)
                self._touched.add(line)
        self._moved = self._moved or self._cursor != (line + 1, column + 1)
        self._cursor = (line + 1, column + 1)

    def difference(self) -> str:
        """What makes the terminal show what is wanted. From then on it counts as shown."""
        found, self._control, self._control_size = self._control, [], 0
        if not self._open:
            return "".join(found)
        body: list[str] = []
        style = PLAIN
        for y in sorted(self._touched):
            wanted, shown = self._wanted[y], self._shown[y]
            if shown is not None and wanted.same(shown):
                continue
            for first, last in _changed(wanted, shown):
                style = _write(body, wanted, y, first, last, style)
            self._shown[y] = wanted.copy()
        self._touched.clear()
        if style != PLAIN:
            body.append("\x1b[0m")
        if body or self._moved:
            body.append(f"\x1b[{self._cursor[0]};{self._cursor[1]}H")
            self._moved = False
        if body and self._synchronised:
            body = [SYNC_START, *body, SYNC_END]
        return "".join((*found, *body))


def _changed(wanted: _Row, shown: _Row | None) -> Iterator[tuple[int, int]]:
    """Stretches to be written. A line with wide characters is written whole: terminals differ in how wide they are."""
    width = len(wanted.characters)
    if shown is None or "" in wanted.characters or "" in shown.characters:
        yield (0, width)
        return
    first = last = -1
    pairs = zip(wanted.characters, shown.characters, wanted.styles, shown.styles, strict=True)
    for x, (new, old, new_style, old_style) in enumerate(pairs):
        if new == old and new_style == old_style:
            continue
        if first >= 0 and x - last > GAP:
            yield (first, last + 1)
            first = x
        first = x if first < 0 else first
        last = x
    if first >= 0:
        yield (first, last + 1)


def _write(into: list[str], row: _Row, y: int, first: int, last: int, style: str) -> str:
    """Append the stretch; the style that is set after it."""
    into.append(f"\x1b[{y + 1};{first + 1}H")
    characters, styles = row.characters, row.styles
    x = first
    while x < last:
        wanted, begin = styles[x], x
        while x < last and styles[x] == wanted:
            x += 1
        if wanted != style:
            into.append(_switch(style, wanted))
            style = wanted
        into.append("".join(characters[begin:x]))
    return style


@lru_cache(maxsize=4096)
def _normal(style: str) -> str:
    """A style as what it sets beside a terminal's own look."""
    return ";".join(value for kind, value in _parts(style).items() if kind not in ("0", "39", "49"))


@lru_cache(maxsize=4096)
def _switch(before: str, after: str) -> str:
    """The shortest sequence from one style to another."""
    old, new = _parts(before), _parts(after)
    if any(kind not in new for kind in old):
        return f"\x1b[0;{after}m" if after else "\x1b[0m"
    added = [part for kind, part in new.items() if old.get(kind) != part]
    return f"\x1b[{';'.join(added)}m" if added else ""


def _parts(style: str) -> dict[str, str]:
    """A style's parameters by what they set: `38` the colour, `48` the background, every other one itself."""
    codes = [code for code in style.split(";") if code]
    found: dict[str, str] = {}
    at = 0
    while at < len(codes):
        code = codes[at]
        length = {"5": 3, "2": 5}.get(codes[at + 1], 1) if code in ("38", "48", "58") and at + 1 < len(codes) else 1
        found[_kind(code)] = ";".join(codes[at : at + length])
        at += length
    return found


def _kind(code: str) -> str:
    number = int(code)
    if number == 38 or 30 <= number <= 37 or 90 <= number <= 97:
        return "38"
    if number == 48 or 40 <= number <= 47 or 100 <= number <= 107:
        return "48"
    return code


@lru_cache(maxsize=1024)
def _blank(style: str) -> str:
    """The style that blanks of this style look like: a colour that nothing is written in does not matter."""
    parts = _parts(style)
    return style if parts.keys() & {"4", "7", "9", "21", "53"} else parts.get("48", PLAIN)


def _cells(text: str) -> Sequence[str]:
    """The text cell by cell; one whose characters are wider or narrower together than alone stays in one piece."""
    if text.isascii():
        return text
    widths = [_width(character) for character in text]
    if all(width == 1 for width in widths):
        return text
    length = cell_len(text)
    if length != sum(widths):
        return [text, *[""] * (length - 1)]
    found: list[str] = []
    for character, width in zip(text, widths, strict=True):
        if width:
            found += [character, *[""] * (width - 1)]
        elif found:
            found[-1 if found[-1] else -2] += character
    return found


@lru_cache(maxsize=4096)
def _width(character: str) -> int:
    return cell_len(character)
