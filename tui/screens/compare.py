"""Two runs side by side."""

from __future__ import annotations

from tui.cells import fit, wrap
from tui.comparison import Pair, compare
from tui.glyphs import Glyphs
from tui.palette import Line, Meaning, Piece
from tui.screens.run_screen import RunScreen


class CompareScreen(RunScreen):
    """The older one on the left."""

    HELP_TITLE = "Two runs compared"

    def __init__(self, scope: str, first: str, second: str) -> None:
        super().__init__(scope, (first, second))

    def header(self) -> list[Line]:
        """Which two, and how many facts differ."""
        if len(self.reports) != 2:
            return [(Piece(" Compare", Meaning.TITLE), Piece(f"  {self.runs[0]}  {self.runs[1]}", Meaning.MUTED))]
        differ = sum(pair.differs for pair in self._pairs())
        return [
            (
                Piece(" Compare", Meaning.TITLE),
                Piece(f"  {self.runs[0]}  and  {self.runs[1]}"),
                Piece(f"  {differ} differences", Meaning.MUTED),
            )
        ]

    def _pairs(self) -> list[Pair]:
        first, second = self.reports
        return compare(first, second, self.cockpit.clocks, self.source.now().at)

    def lines(self, width: int) -> list[Line]:
        """A fact a line, more where it does not fit; what differs stands out."""
        return [line for pair in self._pairs() for line in pair_lines(pair, self.cockpit.glyphs, width)]


def pair_lines(pair: Pair, glyphs: Glyphs, width: int) -> list[Line]:
    """Name, the first's value, the second's, each wrapped in its column."""
    if pair.heading:
        rule = glyphs.rule * max(0, width - len(pair.name) - 4)
        return [(), (Piece(f" {pair.name} ", Meaning.TITLE), Piece(rule, Meaning.FAINT))]
    name_width = max(16, min(40, width // 4))
    each = max(10, (width - name_width - 6) // 2)
    names, first, second = wrap(pair.name, name_width), wrap(pair.first, each), wrap(pair.second, each)
    sign = glyphs.pick("≠", "#") if pair.differs else " "
    meaning = Meaning.NOTICE if pair.differs else Meaning.TEXT
    found: list[Line] = []
    for n in range(max(len(names), len(first), len(second))):
        columns = [column[n] if n < len(column) else "" for column in (names, first, second)]
        found.append(
            (
                Piece(f" {sign if n == 0 else ' '} ", Meaning.NOTICE),
                Piece(fit(columns[0], name_width) + " ", Meaning.MUTED),
                Piece(fit(columns[1], each) + " ", meaning),
                Piece(columns[2], meaning),
            )
        )
    return found
