"""The dialog of `start`: version and batch, and the engine's own plan for them before anything moves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from textual import on
from textual.app import ComposeResult
from textual.widgets import Input

from engine.model.errors import RollsetError
from engine.model.image import version_key
from engine.model.scale_set import ScaleSet
from tui.actions import ACTIONS
from tui.clocks import about
from tui.palette import Line, Meaning, Piece
from tui.screens.act_dialog import ActDialog, field
from tui.session import Source

ASK_AFTER_S = 0.4
CHECKS_SHOWN = 4


class StartDialog(ActDialog):
    """Asks the engine for the plan whenever what is typed has stood still for a moment."""

    def __init__(self, source: Source, key: str) -> None:
        super().__init__(ACTIONS["start"], source, key)
        self._plan: Mapping[str, Any] | None = None
        self._why_no_plan = ""
        self._asked: dict[str, str] | None = None

    def fields(self) -> ComposeResult:
        """Where to, and how many at once."""
        yield field("version; empty for the highest that is published", "to")
        yield field("instances at once: 3 or 20%; empty for the policy's", "batch")

    def on_mount(self) -> None:
        """Ask for the first plan."""
        super().on_mount()
        self.query_one("#to").focus()
        self.set_timer(0.05, self._ask)

    def extra(self) -> dict[str, object]:
        """What is asked for."""
        return dict(self._wanted())

    def _wanted(self) -> dict[str, str]:
        typed = {name: self.query_one(f"#{name}", Input).value.strip() for name in ("to", "batch")}
        if not typed["to"]:
            typed["to"] = self._highest()
        return {name: value for name, value in typed.items() if value}

    def _highest(self) -> str:
        scale_set = self.scale_set
        if scale_set is None:
            return ""
        family = scale_set.model.image.family
        found = [
            image.reference.version
            for image in self._source.scene.images.values()
            if image.reference.family == family and not image.excluded_from_latest
        ]
        usable = [version for version in found if version not in scale_set.blocked_versions]
        return max(usable, key=version_key, default="")

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
            self._plan, self._why_no_plan = None, f"{error.message} {error.next_step}"
        self.changed()

    def effect(self, scale_set: ScaleSet) -> list[Line]:
        """The plan in short."""
        if self._plan is None:
            words, meaning = self._why_no_plan or "asking the engine for the plan", Meaning.MUTED
            return [(Piece(words, Meaning.BAD if self._why_no_plan else meaning),)]
        return plan_lines(self._plan, len(scale_set.instances))


def plan_lines(plan: Mapping[str, Any], instances: int) -> list[Line]:
    """Old and new version, batches, who is left out, the restore point, the time, and what the checks say."""
    batches, left_out = plan["batches"], [i for i in plan["instances"] if i["left_out"]]
    chosen = sum(len(batch["members"]) for batch in batches)
    old, new = str(plan["previous"]).rpartition(":")[2], str(plan["target"]).rpartition(":")[2]
    found: list[Line] = [
        (Piece(f"{chosen:,} of {instances:,} instances go from {old} to {new} in {len(batches)} batches."),)
    ]
    if batches:
        found.append((Piece(f"The first: {batches[0]['why']}.", Meaning.MUTED),))
    if left_out:
        some = ", ".join(f"{i['instance_id']} ({i['left_out']})" for i in left_out[:6])
        more = f" and {len(left_out) - 6} more" if len(left_out) > 6 else ""
        found.append((Piece(f"Left out: {some}{more}.", Meaning.MUTED),))
    found.append((Piece(f"About {about(plan['eta_low_s'])} to {about(plan['eta_high_s'])}.", Meaning.MUTED),))
    found.append((Piece(f"Restore point: {plan['restore_point']}", Meaning.MUTED),))
    told = [check for check in plan["checks"] if check["level"] != "passed"]
    for check in told[:CHECKS_SHOWN]:
        meaning = Meaning.BAD if check["level"] == "refused" else Meaning.NOTICE
        found.append((Piece(f"{check['level']}: {check['words']} {check['cure']}".rstrip(), meaning),))
    if len(told) > CHECKS_SHOWN:
        found.append((Piece(f"and {len(told) - CHECKS_SHOWN} more; P shows the whole plan", Meaning.NOTICE),))
    return found
