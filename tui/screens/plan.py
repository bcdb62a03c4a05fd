"""What an upgrade would do, before anything moves: asked of the engine, and asked again when the set has changed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from textual.app import ComposeResult
from textual.containers import Container

from engine.model.errors import RollsetError
from engine.model.numbers import many
from tui.cells import wrap
from tui.palette import Line, Meaning, Piece
from tui.plain.progress import versions_in
from tui.plain.upgrades import beside_live
from tui.screens.acting import ActingScreen
from tui.screens.plan_lines import PlanPage, batch_lines, fact_lines
from tui.screens.set_header import production_tag
from tui.screens.start_dialog import StartDialog
from tui.screens.zooming import zoom
from tui.session import LinkState
from tui.subject import Subject
from tui.widgets.rows import Rows


class PlanScreen(ActingScreen):
    """`scope` is the set's key; `wanted` is what `start` would be asked for, by the engine's names."""

    CSS_PATH = "plan.tcss"
    HELP_TITLE = "Plan"
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (100, "-wide")]

    def __init__(self, scope: str, wanted: Mapping[str, str] | None = None) -> None:
        super().__init__(scope)
        self.wanted: dict[str, str] = dict(wanted or {})
        self.plan: Mapping[str, Any] | None = None
        self._trouble = ""
        self._asked: tuple[object, ...] | None = None

    def body(self) -> ComposeResult:
        """What to decide on, and the batches."""
        with Container(id="split"):
            yield Rows(id="facts")
            yield Rows(id="batches")

    def on_mount(self) -> None:
        """The facts have the focus."""
        self.query_one("#facts").focus()

    def subject(self) -> Subject:
        """The set and its upgrade."""
        earlier = tuple(self.scene.upgrades.values())
        bare = self.bare_subject()
        return replace(bare, scale_set=self.scale_set, upgrade=self.scene.upgrade, earlier=earlier)

    def header(self) -> list[Line]:
        """From where to where, how much, and that nothing has happened."""
        scale_set, plan, glyphs = self.scale_set, self.plan, self.cockpit.glyphs
        name = scale_set.name if scale_set is not None else self.scope.rpartition("/")[2]
        first: Line = (Piece(" Plan", Meaning.TITLE), Piece(f"  {name}", Meaning.TEXT))
        if scale_set is not None:
            first = (*first, *production_tag(scale_set))
        if plan is None:
            return [first, ()]
        old, new = versions_in(plan["previous"]), str(plan["target"]).rpartition(":")[2]
        chosen = sum(len(batch["members"]) for batch in plan["batches"])
        first = (*first, Piece(f"  {old} {glyphs.arrow} {new}"))
        words = f" {chosen:,} of {many(len(plan['instances']), 'instance')}, {many(len(plan['batches']), 'batch')}"
        upgrade = self.scene.upgrade
        live = f"{upgrade.id} is live, {upgrade.state.value}" if upgrade is not None and upgrade.live else ""
        standing = Piece(f"   {live}", Meaning.NOTICE) if live else Piece("   nothing has moved yet", Meaning.MUTED)
        return [first, (Piece(words), Piece("   "), self._verdict(self._shown(plan)), standing)]

    def _shown(self, plan: Mapping[str, Any]) -> Mapping[str, Any]:
        """The plan with what stands before a start now: what is saved or started is the engine's own."""
        upgrade = self.scene.upgrade
        return beside_live(plan, upgrade.id, upgrade.state.value) if upgrade is not None and upgrade.live else plan

    def _verdict(self, plan: Mapping[str, Any]) -> Piece:
        levels = [check["level"] for check in plan["checks"]]
        if "refused" in levels:
            return Piece(f"{self.cockpit.glyphs.pick('✗', 'X')} it would be refused", Meaning.BAD)
        if (warned := levels.count("warned")) > 0:
            return Piece(f"! {many(warned, 'warning')}", Meaning.NOTICE)
        return Piece(f"{self.cockpit.glyphs.pick('✓', '+')} all checks passed", Meaning.GOOD)

    def paint(self) -> None:
        """Both panels; the plan is asked for again when the set or its upgrade is another."""
        self._ask()
        facts, batches, glyphs = self.query_one("#facts", Rows), self.query_one("#batches", Rows), self.cockpit.glyphs
        if self.plan is None:
            batches.show_lines([])
            facts.show_lines([(), *self._waiting(facts.wide)])
            return
        facts.show_lines(fact_lines(PlanPage(self._shown(self.plan), glyphs, facts.wide)))
        batches.show_lines(batch_lines(PlanPage(self.plan, glyphs, batches.wide)))

    def _waiting(self, width: int) -> list[Line]:
        link = self.source.link
        if self._trouble or link.state is LinkState.LOST:
            return [(Piece(f"  {line}", Meaning.BAD),) for line in wrap(self._trouble or link.words, width - 4)]
        return [(Piece("  The engine makes the plan", Meaning.MUTED),)]

    def _ask(self) -> None:
        scale_set, upgrade = self.scale_set, self.scene.upgrade
        if scale_set is None:
            return
        about = (scale_set.model_version, len(scale_set.instances), upgrade.version if upgrade is not None else 0)
        if about != self._asked:
            self._asked = about
            self.run_worker(self._read(), group="plan", exclusive=True, exit_on_error=False)

    async def _read(self) -> None:
        try:
            answer = await self.cockpit.session.query("plan", {"set": self.scope} | self.wanted)
            self.plan, self._trouble = answer["plan"], ""
        except RollsetError as error:
            self.plan, self._trouble = None, error.words
        self.changed()

    # --- what its keys do ---

    def do_plan(self) -> None:
        """Ask for the plan again."""
        self._asked = None
        self.paint_now()

    def do_start(self) -> None:
        """Start what is planned here: in the dialog that this was opened from, else in a new one."""
        if isinstance(self.cockpit.screen_stack[-2], StartDialog):
            self.cockpit.do_back()
            return
        self.cockpit.push_screen(StartDialog(self.source, self.scope, self.wanted))

    def do_rehearse(self) -> None:
        """Play it on a twin, with what goes wrong in it."""
        from tui.screens.rehearsal import RehearsalPrompt, RehearsalSheet

        asked = {"set": self.scope} | self.wanted
        prompt = RehearsalPrompt(lambda wrong: self.cockpit.session.query("rehearse", asked | wrong))

        def show(_typed: str | None) -> None:
            if prompt.answer is not None:
                self.cockpit.push_screen(RehearsalSheet(prompt.answer["rehearsal"]))

        self.cockpit.push_screen(prompt, show)

    def do_zoom(self) -> None:
        """Give the panel the whole screen, or take it back."""
        zoom(self, "#facts, #batches")

    def do_raw(self) -> None:
        """The plan as JSON."""
        from tui.screens.raw import RawSheet

        if self.plan is not None:
            self.cockpit.push_screen(RawSheet("plan", self.plan))

    def do_save(self) -> None:
        """The plan as a file that `rollset start --plan` takes."""
        plan = self.plan
        if plan is None:
            self.cockpit.say("there is no plan yet", bad=True)
            return
        words = "rollset start --plan FILE starts exactly this, and refuses when the set has changed."
        name = f"{plan['scale_set']}-plan.json"
        self.cockpit.ask_where_to_save("Save this plan", words, name, lambda _name: json.dumps(plan, indent=2) + "\n")

    def do_copy(self) -> None:
        """The command line that starts it."""
        scale_set = self.scale_set
        if scale_set is not None:
            from tui.actions import ACTIONS, command_line

            self.cockpit.copy_text(command_line(ACTIONS["start"], scale_set.name, (), self.wanted))
