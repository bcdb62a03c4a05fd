"""What a terminal would show: enough of one to read what the cockpit writes."""

from __future__ import annotations

import re

from rich.cells import cell_len

_TOKEN = re.compile(
    r"\x1b\[(?P<csi>[0-9;:<=>?]*[ -/]*[@-~])"
    r"|\x1b[\]PX^_](?P<string>.*?)(?:\x07|\x1b\\)"
    r"|\x1b[ -/]*[0-~]"
    r"|(?P<text>[^\x00-\x1f\x7f\x1b]+)"
    r"|(?P<control>[\x00-\x1a\x1c-\x1f\x7f])",
    re.DOTALL,
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;:<=>?]*[ -/]*|[\]PX^_][^\x07\x1b]*\x1b?|[ -/]*)?\Z", re.DOTALL)

Look = frozenset[tuple[str, str]]
"""How a cell looks: what is set, and to what."""
SEEN_ON_BLANKS = ("4", "7", "9", "48")


class Screen:
    """A grid of characters. A wide character takes its cell and an empty one."""

    def __init__(self, columns: int, lines: int) -> None:
        self.columns = columns
        self.lines = lines
        self.alternate = False
        self.modes: set[str] = set()
        self._rest = ""
        self._at = (0, 0)
        self._look: dict[str, str] = {}
        self._clear()

    def _clear(self) -> None:
        self._cells = [[" "] * self.columns for _ in range(self.lines)]
        self._looks: list[list[Look]] = [[frozenset()] * self.columns for _ in range(self.lines)]

    def resize(self, columns: int, lines: int) -> None:
        """Another size; what was shown is gone, as after a terminal's own reflow."""
        self.columns, self.lines, self._at = columns, lines, (0, 0)
        self._clear()

    def looks(self) -> list[list[tuple[str, Look]]]:
        """Every cell with how it looks; of a blank only what can be seen."""
        return [
            [
                (cell, frozenset(part for part in look if cell != " " or part[0] in SEEN_ON_BLANKS))
                for cell, look in zip(line, looks, strict=True)
            ]
            for line, looks in zip(self._cells, self._looks, strict=True)
        ]

    def text(self) -> list[str]:
        """Its lines, without the spaces at their ends."""
        return ["".join(line).rstrip() for line in self._cells]

    def feed(self, text: str) -> None:
        """Take in what a program wrote; a sequence that is cut off is finished by the next call."""
        text = self._rest + text
        unfinished = _UNFINISHED.search(text)
        self._rest = text[unfinished.start() :] if unfinished else ""
        for found in _TOKEN.finditer(text, 0, len(text) - len(self._rest)):
            if found["text"]:
                self._write(found["text"])
            elif found["csi"]:
                self._control(found["csi"][:-1], found["csi"][-1])
            elif found["control"] in ("\r", "\n"):
                line, column = self._at
                self._at = (line, 0) if found["control"] == "\r" else (min(line + 1, self.lines - 1), column)

    def _write(self, text: str) -> None:
        line, column = self._at
        for character in text:
            width = cell_len(character)
            if line < self.lines and width and column + width <= self.columns:
                self._halve(line, column)
                self._halve(line, column + width)
                self._cells[line][column : column + width] = [character] + [""] * (width - 1)
                self._looks[line][column : column + width] = [frozenset(self._look.items())] * width
            elif line < self.lines and not width and 0 < column <= self.columns:
                self._cells[line][column - (1 if self._cells[line][column - 1] else 2)] += character
            column += width
        self._at = (line, column)

    def _halve(self, line: int, column: int) -> None:
        """A wide character that is written into is gone."""
        if 0 < column < self.columns and not self._cells[line][column]:
            self._cells[line][column - 1 : column + 1] = [" ", " "]

    def _style(self, arguments: str) -> None:
        codes = [int(code or "0") for code in arguments.split(";")]
        while codes:
            code = codes.pop(0)
            if code == 0:
                self._look = {}
            elif code in (38, 48):
                length = {5: 2, 2: 4}[codes[0]]
                self._look[str(code)] = ";".join(map(str, codes[:length]))
                del codes[:length]
            elif 30 <= code <= 37 or 90 <= code <= 97:
                self._look["38"] = str(code)
            elif 40 <= code <= 47 or 100 <= code <= 107:
                self._look["48"] = str(code)
            else:
                self._look[str(code)] = ""

    def _control(self, arguments: str, kind: str) -> None:
        line, column = self._at
        numbers = [int(part) if part.isdigit() else 0 for part in arguments.split(";")]
        if kind == "m":
            self._style(arguments)
        elif kind in "Hf":
            row = max(1, numbers[0])
            self._at = (row - 1, max(1, numbers[1] if len(numbers) > 1 else 1) - 1)
        elif kind == "A":
            self._at = (max(0, line - max(1, numbers[0])), column)
        elif kind == "B":
            self._at = (line + max(1, numbers[0]), column)
        elif kind == "C":
            self._at = (line, column + max(1, numbers[0]))
        elif kind == "G":
            self._at = (line, max(1, numbers[0]) - 1)
        elif kind == "J" and numbers[0] == 2:
            self._clear()
        elif kind in "hl" and arguments.startswith("?"):
            for mode in arguments[1:].split(";"):
                self._mode(mode, kind == "h")

    def _mode(self, mode: str, on: bool) -> None:
        (self.modes.add if on else self.modes.discard)(mode)
        if mode == "1049":
            self.alternate = on
            self._clear()
