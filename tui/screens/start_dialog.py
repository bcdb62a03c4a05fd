"""The dialog of `start`: version and batch, and the engine's own plan for them before anything moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding
from textual.widgets import Input

from engine.model.errors import RollsetError
from engine.model.image import latest_of
from engine.model.numbers import many
from engine.model.scale_set import ScaleSet
from tui.actions import ACTIONS
from tui.palette import Line, Meaning, Piece
from tui.plain.progress import versions_in
from tui.scene import Scene
from tui.screens.act_dialog import ActDialog
from tui.screens.plan_lines import left_out, time_words
from tui.session import Source
from tui.widgets.field import Field

ASK_AFTER_S = 0.4
CHECKS_SHOWN = 4


class StartDialog(ActDialog):
    """Asks the engine for the plan whenever what is typed has stood still for a moment."""

    AUTO_FOCUS = "#to"
    BINDINGS: ClassVar[list[Any]] = [Binding("ctrl+o", "whole_plan", "the whole plan", show=False)]

    def __init__(self, source: Source, key: str, first: Mapping[str, str] | None = None) -> None:
        super().__init__(ACTIONS["start"], source, key)
        self._first: Mapping[str, str] = first or {}
        self._plan: Mapping[str, Any] | None = None
        self._why_no_plan = ""
        self._asked: dict[str, str] | None = None

    def fields(self) -> ComposeResult:
        """Where to, and how many at once."""
        to, batch = self._first.get("to", ""), self._first.get("batch", "")
        yield Field("to version", "to", "empty: what the model names, as on the command line", to)
        yield Field("at once", "batch", "3 or 20%; empty: what the policy says", batch)

    def on_mount(self) -> None:
        """Ask for the first plan."""
        self.call_after_refresh(self._ask)

    def extra(self) -> dict[str, object]:
        """What is asked for."""
        return dict(self._wanted())

    def _wanted(self) -> dict[str, str]:
        typed = {name: self.query_one(f"#{name}", Input).value.strip() for name in ("to", "batch")}
        return {name: value for name, value in typed.items() if value}

    def action_whole_plan(self) -> None:
        """The screen of the plan, for what is typed here; esc comes back to the dialog."""
        from tui.screens.plan import PlanScreen

        self.cockpit.push_screen(PlanScreen(self._key, self._wanted()))

    @on(Input.Changed, "#to")
    @on(Input.Changed, "#batch")
    def _wants_other(self) -> None:
        self.set_timer(ASK_AFTER_S, self._ask)

    def _ask(self) -> None:
        if not self.is_attached or self.scale_set is None:
            self.set_timer(ASK_AFTER_S, self._ask)
        elif self._wanted() != self._asked:
            self._asked = self._wanted()
            self.run_worker(self._read_plan(self._asked), group="plan", exclusive=True, exit_on_error=False)

    async def _read_plan(self, wanted: dict[str, str]) -> None:
        try:
            answer = await self.cockpit.session.query("plan", {"set": self._key} | wanted)
            self._plan, self._why_no_plan = answer["plan"], ""
        except RollsetError as error:
            self._plan, self._why_no_plan = None, error.words
        self.changed()

    def effect(self, scale_set: ScaleSet) -> list[Line]:
        """The plan in short."""
        if self._plan is None:
            words, meaning = self._why_no_plan or "asking the engine for the plan", Meaning.MUTED
            return [(Piece(words, Meaning.BAD if self._why_no_plan else meaning),)]
        return [
            *plan_lines(self._plan, len(scale_set.instances)),
            (Piece("ctrl+o shows the whole plan", Meaning.MUTED),),
        ]


def highest_version(scale_set: ScaleSet, scene: Scene) -> str:
    """The highest version that the set may take; empty where nothing is published."""
    found = latest_of(tuple(scene.images.values()), scale_set.model.image.family, scale_set.blocked_versions)
    return found.reference.version if found is not None else ""


def plan_lines(plan: Mapping[str, Any], instances: int) -> list[Line]:
    """Old and new version, batches, who is left out, the restore point, the time, and what the checks say."""
    batches = plan["batches"]
    chosen = sum(len(batch["members"]) for batch in batches)
    old, new = versions_in(plan["previous"]), str(plan["target"]).rpartition(":")[2]
    if not chosen:
        found: list[Line] = [(Piece(f"Nothing goes to {new}."),)]
    else:
        words = f"{chosen:,} of {many(instances, 'instance')} go from {old} to {new} in {many(len(batches), 'batch')}."
        found = [(Piece(words),), (Piece(f"The first: {batches[0]['why']}.", Meaning.MUTED),)]
    found += [(Piece(f"Left out: {line}.", Meaning.MUTED),) for line in left_out(plan)]
    if chosen:
        found.append((Piece(f"It takes {time_words(plan)}.", Meaning.MUTED),))
        found.append((Piece(f"Restore point: {plan['restore_point']}", Meaning.MUTED),))
    told = [check for check in plan["checks"] if check["level"] != "passed"]
    for check in told[:CHECKS_SHOWN]:
        meaning = Meaning.BAD if check["level"] == "refused" else Meaning.NOTICE
        found.append((Piece(f"{check['level']}: {said(check)}", meaning),))
    if len(told) > CHECKS_SHOWN:
        found.append((Piece(f"and {len(told) - CHECKS_SHOWN} more", Meaning.NOTICE),))
    return found


def said(check: Mapping[str, Any]) -> str:
    """What a check found and its cure, as two sentences."""
    words, cure = str(check["words"]), str(check["cure"])
    return f"{words.rstrip('.')}. {cure[:1].upper()}{cure[1:]}" if cure else words
