"""One instance: what is known of it now, and what happened to it in every upgrade."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container

from engine.model.errors import RollsetError
from engine.model.scale_set import Instance
from engine.model.upgrade import Member
from engine.wire.events import recorded_from_dict
from tui.glyphs import HEALTH_SIGNS
from tui.palette import Line, Meaning, Piece
from tui.scene import FeedLine
from tui.scene_events import feed_line
from tui.screens.acting import ActingOnInstances
from tui.screens.events import joined
from tui.screens.instance_pages import InstanceView, fact_lines, timeline_lines
from tui.screens.set_cells import members_by_instance, natural, sign_of
from tui.screens.set_header import production_tag
from tui.screens.zooming import zoom
from tui.session import LinkState
from tui.subject import Subject
from tui.widgets.rows import Rows

READ = 1_000
LEFT_OUT_OF_TIMELINE = frozenset({"UpgradeStarted", "ScaleSetApplied"})


class InstanceScreen(ActingOnInstances):
    """`scope` is its set's key."""

    CSS_PATH = "instance.tcss"
    HELP_TITLE = "Instance"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    def __init__(self, scope: str, instance_id: str) -> None:
        super().__init__(scope)
        self.instance_id = instance_id
        self._read: tuple[FeedLine, ...] = ()
        self._trouble = ""
        self._asked_for = ""

    def body(self) -> ComposeResult:
        """What is, and what happened."""
        with Container(id="split"):
            yield Rows(id="facts")
            yield Rows(id="timeline")

    def on_mount(self) -> None:
        """The facts have the focus."""
        self.query_one("#facts").focus()

    # --- what it shows ---

    @property
    def instance(self) -> Instance | None:
        """The instance, None when it is gone."""
        scale_set = self.scale_set
        return scale_set.instances.get(self.instance_id) if scale_set is not None else None

    @property
    def member(self) -> Member | None:
        """Its place in the live or last upgrade."""
        return members_by_instance(self.scene.upgrade).get(self.instance_id)

    def subject(self) -> Subject:
        """This instance."""
        bare = self.bare_subject()
        chosen = (self.instance_id,) if self.instance is not None else ()
        earlier = tuple(self.scene.upgrades.values())
        return replace(bare, scale_set=self.scale_set, upgrade=self.scene.upgrade, instances=chosen, earlier=earlier)

    def header(self) -> list[Line]:
        """Name, state, health, image, place."""
        scale_set, instance, glyphs = self.scale_set, self.instance, self.cockpit.glyphs
        name = scale_set.name if scale_set is not None else self.scope.rpartition("/")[2]
        title = Piece(f" {name}_{self.instance_id}", Meaning.TITLE)
        if scale_set is None or instance is None:
            return [(title, Piece(f"  {self._missing()}", Meaning.MUTED)), ()]
        upgrade = self.scene.upgrade
        sign = sign_of(instance, self.member, upgrade)
        health = HEALTH_SIGNS[instance.health]
        second: Line = (
            Piece(f" {glyphs.of(sign)} {sign.word}", sign.meaning),
            *((Piece(f"   {glyphs.of(health)} {health.word}", health.meaning),) if health.word != sign.word else ()),
            Piece(f"   {instance.image.version}"),
            Piece(f"   zone {instance.zone or '-'}, UD{instance.update_domain}", Meaning.MUTED),
        )
        place = Piece(f"  {scale_set.location}", Meaning.MUTED)
        return [(title, place, *production_tag(scale_set)), second]

    def _missing(self) -> str:
        link = self.source.link
        if link.state in (LinkState.CONNECTING, LinkState.LOST):
            return link.words or "connecting"
        return "is not in the scale set (any more); esc goes back"

    def paint(self) -> None:
        """Both panels."""
        scale_set, instance = self.scale_set, self.instance
        facts, past = self.query_one("#facts", Rows), self.query_one("#timeline", Rows)
        if scale_set is not None and instance is not None:
            view = InstanceView(
                scale_set,
                instance,
                self.scene.upgrade,
                self.member,
                self.source.now(),
                self.cockpit.clocks,
                self.cockpit.glyphs,
                facts.wide,
            )
            facts.show_lines(fact_lines(view))
        else:
            facts.show_lines([(), (Piece(f"  It {self._missing()}.", Meaning.MUTED),)])
        self._ask()
        past.show_lines(self._past(past.wide))

    def _past(self, width: int) -> list[Line]:
        events = [
            line
            for line in joined(self._read, self.scene.feed, self.scene.seq)
            if line.type not in LEFT_OUT_OF_TIMELINE and line.instance_id == self.instance_id
        ]
        if self._trouble:
            return [(Piece(f"  {self._trouble}", Meaning.BAD),)]
        if not events:
            return [(Piece("  Nothing has happened to it yet.", Meaning.MUTED),)]
        return timeline_lines(events, self.scene.history, self.cockpit.clocks, self.cockpit.glyphs, width)

    def _ask(self) -> None:
        if self._asked_for != self.instance_id and self.scene.seq:
            self._asked_for = self.instance_id
            self.run_worker(self._read_past(self.instance_id), group="past", exclusive=True, exit_on_error=False)

    async def _read_past(self, instance: str) -> None:
        asked: dict[str, Any] = {"scope": self.scope, "instance": instance, "limit": str(READ)}
        try:
            answer = await self.cockpit.session.query("timeline", asked)
            self._read, self._trouble = tuple(feed_line(recorded_from_dict(x)) for x in answer["events"]), ""
        except RollsetError as error:
            self._read, self._trouble = (), error.words
        self.changed()

    # --- what its keys do ---

    def _step(self, by: int) -> None:
        scale_set = self.scale_set
        names = sorted(scale_set.instances, key=natural) if scale_set is not None else []
        if not names:
            return
        at = names.index(self.instance_id) if self.instance_id in names else 0
        self.instance_id = names[(at + by) % len(names)]
        self._read = ()
        self.paint_now()

    def do_next_tab(self) -> None:
        """The next instance."""
        self._step(1)

    def do_last_tab(self) -> None:
        """The instance before."""
        self._step(-1)

    def do_zoom(self) -> None:
        """Give the panel the whole screen, or take it back."""
        zoom(self, "#facts, #timeline")

    def do_raw(self) -> None:
        """The instance as JSON."""
        from tui.screens.raw import RawSheet

        if self.instance is not None:
            self.cockpit.push_screen(RawSheet(f"instance {self.instance_id}", self.instance))

    def do_copy(self) -> None:
        """Its last error, else its name, image and address."""
        instance, scale_set, member = self.instance, self.scale_set, self.member
        if instance is None or scale_set is None:
            return
        if member is not None and member.error is not None:
            self.cockpit.copy_text(f"{scale_set.name}_{self.instance_id}: {member.error.code}: {member.error.message}")
        else:
            self.cockpit.copy_text(f"{scale_set.name}_{self.instance_id} {instance.image} {instance.address}")
