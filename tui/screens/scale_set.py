"""One scale set: heat map, upgrade, events; and its instances, history, policy, extensions and model."""

from __future__ import annotations

from dataclasses import replace

from textual import on
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical

from engine.decide.judge_health import must_stop
from engine.model.scale_set import ScaleSet
from engine.model.upgrade import Upgrade
from tui.palette import Line, Meaning, Piece
from tui.scene import FeedLine
from tui.screens import set_header, set_pages
from tui.screens.acting import ActingOnInstances
from tui.screens.policy_page import Policies, policy_lines, read_policies
from tui.screens.set_cells import VIEWS, cell_rows, cursor_line, flow, legend, members_by_instance, natural
from tui.screens.start_dialog import highest_version
from tui.screens.upgrade_panel import Lines, PanelView, calm_lines, panel_lines
from tui.screens.zooming import zoom
from tui.session import LinkState
from tui.subject import Subject
from tui.widgets.heat_map import HeatMap
from tui.widgets.rows import Rows

HIGH, TALL = 30, 50
TABS = ("Upgrade", "Instances", "History", "Policy", "Extensions", "Model")


class ScaleSetScreen(ActingOnInstances):
    """The screen of one scale set; `scope` is its key."""

    CSS_PATH = "scale_set.tcss"
    HELP_TITLE = "Scale set"
    VERTICAL_BREAKPOINTS = [(0, "-low"), (HIGH, "-high")]
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (160, "-vast")]

    def __init__(self, scope: str) -> None:
        super().__init__(scope)
        self.tab = 0
        self.view = VIEWS[0]
        self.marked: frozenset[str] = frozenset()
        self._ids: list[str] = []
        self._legend: list[Line] = []
        self._policies = Policies()

    def body(self) -> ComposeResult:
        """The upgrade tab's panels; one list for the other tabs."""
        with Horizontal(id="upgrade"):
            with Vertical(id="left"):
                yield HeatMap(self.cockpit.glyphs, id="cells")
                yield Rows(id="legend", focusable=False)
            yield Rows(id="panel")
        yield Rows(id="events", follows_end=True)
        yield Rows(id="page-head", focusable=False)
        yield Rows(id="page")

    def on_mount(self) -> None:
        """The heat map has the focus."""
        self._show_tab()

    @property
    def upgrade(self) -> Upgrade | None:
        """Its live upgrade, else its last."""
        return self.scene.upgrade

    def header(self) -> list[Line]:
        """Name and place; the upgrade in a line; the tabs."""
        scale_set, glyphs = self.scale_set, self.cockpit.glyphs
        if scale_set is None:
            return [(Piece(" rollset", Meaning.TITLE), Piece(f"  {self._missing()}", Meaning.MUTED)), ()]
        row = self.scene.sets.get(self.scope)
        seen = row.upgrade if row is not None else None
        return [
            set_header.name_line(scale_set, len(self.marked)),
            set_header.state_line(scale_set, seen, self.source.now(), glyphs, self.size.width, stops=self._stops()),
            set_header.tab_line(TABS, self.tab),
        ]

    def _stops(self) -> bool:
        upgrade = self.upgrade
        return upgrade is not None and upgrade.live and (must_stop(upgrade) or upgrade.cancelling)

    def _missing(self) -> str:
        state = self.source.link.state
        if state in (LinkState.CONNECTING, LinkState.LOST):
            return self.source.link.words or "connecting"
        if self.scope in self.scene.sets:
            return "this recording tells of all sets and of none alone; esc goes back"
        return "this scale set is gone; esc goes back"

    # --- drawing ---

    def paint(self) -> None:
        """The tab in front."""
        scale_set = self.scale_set
        if scale_set is None:
            return
        if self.tab == 0:
            self._paint_upgrade(scale_set)
        else:
            self._paint_page(scale_set)

    def _paint_upgrade(self, scale_set: ScaleSet) -> None:
        upgrade, glyphs = self.upgrade, self.cockpit.glyphs
        rows = cell_rows(scale_set, upgrade, self.view)
        cells = self.query_one("#cells", HeatMap)
        cells.show_rows(rows, self.marked)
        signs = self.query_one("#legend", Rows)
        self._legend = flow(legend(rows, glyphs), signs.wide)
        signs.styles.height = len(self._legend) + 1
        self._paint_legend(scale_set)
        panel = self.query_one("#panel", Rows)
        if upgrade is not None:
            view = PanelView(scale_set, upgrade, self.source.now(), glyphs, panel.wide, self._lines())
            panel.show_lines(panel_lines(view))
        else:
            highest, live = highest_version(scale_set, self.scene), self.cockpit.session.live
            panel.show_lines(calm_lines(scale_set, highest, panel.wide, live=live))
        feed, clocks = self.scene.feed, self.cockpit.clocks
        events = self.query_one("#events", Rows)
        if feed:
            events.show(len(feed), lambda y, _w: event_line(feed[y], clocks.time(feed[y].at)))
        else:
            events.show_lines([(Piece(" Nothing has happened yet.", Meaning.MUTED),)])

    def _lines(self) -> Lines:
        """How much each text of the panel may take; a panel that has the screen to itself has room."""
        if self.size.height >= TALL or self.has_class("zoomed"):
            return Lines.ALL
        return Lines.FEW if self.size.height < HIGH else Lines.SOME

    def _paint_legend(self, scale_set: ScaleSet) -> None:
        chosen = cursor_line(scale_set, self.upgrade, self.query_one("#cells", HeatMap).instance_id)
        self.query_one("#legend", Rows).show_lines([chosen, *self._legend])

    def _paint_page(self, scale_set: ScaleSet) -> None:
        page, head = self.query_one("#page", Rows), self.query_one("#page-head", Rows)
        glyphs, upgrade, width = self.cockpit.glyphs, self.upgrade, page.wide
        page.has_cursor = self.tab == 1
        head.show_lines([set_pages.instance_head(width)] if self.tab == 1 else [()])
        if self.tab == 1:
            self._paint_instances(scale_set, page)
        elif self.tab == 2:
            lines = set_pages.history_lines(self.scene.history, self.scope, glyphs, self.cockpit.clocks, width)
            page.show_lines(lines or [(Piece("  It was never upgraded.", Meaning.MUTED),)])
        elif self.tab == 3:
            page.show_lines(policy_lines(scale_set, upgrade, self._policies, width))
        elif self.tab == 4:
            page.show_lines(set_pages.extension_lines(scale_set, upgrade, glyphs, width))
        else:
            page.show_lines(set_pages.model_lines(scale_set))

    def _paint_instances(self, scale_set: ScaleSet, page: Rows) -> None:
        members, glyphs = members_by_instance(self.upgrade), self.cockpit.glyphs
        upgrade = self.upgrade
        self._ids = ids = sorted(scale_set.instances, key=natural)
        page.show(
            len(ids),
            lambda y, width: set_pages.instance_line(
                scale_set.instances[ids[y]],
                members.get(ids[y]),
                upgrade,
                glyphs,
                marked=ids[y] in self.marked,
                width=width,
            ),
        )

    def _show_tab(self) -> None:
        first = self.tab == 0
        self.remove_class("zoomed")
        self._show_panels()
        self.query_one("#cells" if first else "#page").focus()
        if TABS[self.tab] == "Policy":
            self.run_worker(self._read_policies(), group="policies", exclusive=True, exit_on_error=False)
        self.call_after_refresh(self.paint_now)

    def _show_panels(self) -> None:
        first, zoomed = self.tab == 0, self.has_class("zoomed")
        for panel in self.query("#upgrade, #events"):
            panel.display = first and (not zoomed or panel.has_class("front"))
        for page in self.query("#page, #page-head"):
            page.display = not first

    async def _read_policies(self) -> None:
        self._policies = await read_policies(self.cockpit.session)
        self.changed()

    # --- what its keys do ---

    def chosen_instance(self) -> str:
        """The instance under the cursor."""
        if self.tab == 1:
            at = self.query_one("#page", Rows).cursor
            return self._ids[at] if at < len(self._ids) else ""
        return self.query_one("#cells", HeatMap).instance_id if self.tab == 0 else ""

    def subject(self) -> Subject:
        """The set, its upgrade, the marked instances or the one under the cursor."""
        bare, chosen = self.bare_subject(), self.chosen_instance()
        instances = tuple(sorted(self.marked, key=natural)) or ((chosen,) if chosen else ())
        earlier = tuple(self.scene.upgrades.values())
        of = replace(bare, scale_set=self.scale_set, upgrade=self.upgrade, instances=instances, earlier=earlier)
        return replace(of, map_hidden=self.tab != 0)

    @on(HeatMap.CellMoved)
    def _cell_moved(self) -> None:
        """What depends on the cursor at once; a footer that may have changed with the next painting."""
        if self.scale_set is not None and self.tab == 0:
            self._paint_legend(self.scale_set)
        self.changed()

    def do_mark(self) -> None:
        """Mark the instance under the cursor, or unmark it, and go on."""
        chosen = self.chosen_instance()
        if not chosen:
            return
        self.marked ^= {chosen}
        if self.tab == 0:
            self.query_one("#cells", HeatMap).action_step(1)
        else:
            self.query_one("#page", Rows).action_move(1)
        self.paint_now()

    def do_mark_row(self) -> None:
        """Mark the whole row, or unmark it when all of it is marked."""
        row = frozenset(self.query_one("#cells", HeatMap).row_instances())
        self.marked = self.marked - row if row <= self.marked else self.marked | row
        self.paint_now()

    def do_back(self) -> None:
        """Unmark what is marked; then back to all sets."""
        if self.marked:
            self.marked = frozenset()
            self.paint_now()
        else:
            self.cockpit.do_back()

    def do_view(self) -> None:
        """Other rows in the heat map."""
        self.view = VIEWS[(VIEWS.index(self.view) + 1) % len(VIEWS)]
        self.cockpit.say(f"by {self.view}" if self.view != "grid" else "all in one grid")
        self.paint_now()

    def do_next_tab(self) -> None:
        """The next tab."""
        self.go_to_tab((self.tab + 1) % len(TABS))

    def do_last_tab(self) -> None:
        """The tab before."""
        self.go_to_tab((self.tab - 1) % len(TABS))

    def go_to_tab(self, number: int) -> None:
        """Show a tab."""
        self.tab = number
        self._show_tab()

    def do_raw(self) -> None:
        """The model as JSON."""
        self.go_to_tab(TABS.index("Model"))

    @on(HeatMap.CellOpened)
    @on(Rows.Opened, "#page")
    def do_open(self) -> None:
        """Open the instance under the cursor."""
        from tui.screens.instance import InstanceScreen

        chosen = self.chosen_instance()
        if chosen:
            self.cockpit.push_screen(InstanceScreen(self.scope, chosen))

    def do_zoom(self) -> None:
        """Give the panel the whole screen, or take it back; another tab has it already."""
        if self.tab:
            return
        zoom(self, "#upgrade, #left, #panel, #events")
        self._show_panels()

    def do_copy(self) -> None:
        """The instance under the cursor, else why the upgrade waits or ended."""
        scale_set, chosen = self.scale_set, self.chosen_instance()
        if scale_set is not None and chosen in scale_set.instances:
            instance = scale_set.instances[chosen]
            self.cockpit.copy_text(f"{scale_set.name}_{chosen} {instance.image} {instance.address}")
        elif scale_set is not None:
            self.cockpit.copy_text(scale_set.resource_id)


def event_line(line: FeedLine, time: str) -> Line:
    """One line of the feed."""
    return (Piece(f" {time}  ", Meaning.MUTED), Piece(line.words, Meaning.BAD if line.bad else Meaning.TEXT))
