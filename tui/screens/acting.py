"""The verb keys of the screens that show scale sets: pause acts at once, the others open their dialog."""

from __future__ import annotations

from collections.abc import Iterable

from engine.model.errors import RollsetError
from engine.model.numbers import many
from tui.actions import ACTIONS
from tui.screens.cockpit_screen import CockpitScreen


class ActingScreen(CockpitScreen):
    """A screen whose subject is one scale set."""

    def _open(self, name: str) -> None:
        subject = self.subject()
        if subject.scale_set is None:
            return
        key = subject.scale_set.key
        source = self.source if self.scope == key else self.cockpit.session.source(key)
        if name == "start":
            from tui.screens.start_dialog import StartDialog

            self.cockpit.push_screen(StartDialog(source, key))
        else:
            from tui.screens.act_dialog import ActDialog

            self.cockpit.push_screen(ActDialog(ACTIONS[name], source, key, subject.instances))

    def do_start(self) -> None:
        """Start, after its plan."""
        self._open("start")

    def do_plan(self) -> None:
        """What a start would do."""
        from tui.screens.plan import PlanScreen

        scale_set = self.subject().scale_set
        if scale_set is not None:
            self.cockpit.push_screen(PlanScreen(scale_set.key))

    async def do_pause(self) -> None:
        """Pause at once, each that is marked: it is safe and can be undone."""
        subject = self.subject()
        if len(subject.marked_sets) > 1:
            await self._pause_each(subject.marked_sets)
            return
        if subject.scale_set is None:
            return
        upgrade = subject.upgrade
        who = [hold.by for hold in upgrade.holds.values()] if upgrade is not None else []
        if who:
            self.cockpit.say(f"paused already, by {', '.join(who)}")
        arguments = {"set": subject.scale_set.key, "reason": "from the cockpit"}
        try:
            answer = await self.cockpit.session.command("pause", dict(arguments))
        except RollsetError as error:
            self.cockpit.say(error.words, bad=True)
        else:
            if not who:
                self.cockpit.say(str(answer.get("message", "paused")))

    async def _pause_each(self, keys: Iterable[str]) -> None:
        """What is refused is told, the others are paused all the same."""
        paused, refused = 0, list[str]()
        for key in keys:
            try:
                await self.cockpit.session.command("pause", {"set": key, "reason": "from the cockpit"})
            except RollsetError as error:
                refused.append(error.message)
            else:
                paused += 1
        self.cockpit.say("; ".join([f"{many(paused, 'upgrade')} paused", *refused]), bad=bool(refused))

    def do_resume(self) -> None:
        """Go on after a pause."""
        self._open("resume")

    def do_rollback(self) -> None:
        """Back to the restore point."""
        self._open("rollback")

    def do_step(self) -> None:
        """One batch."""
        self._open("step")

    def do_cancel(self) -> None:
        """End it."""
        self._open("cancel")

    def do_retry(self) -> None:
        """Failed instances again."""
        self._open("retry")

    def do_accept_loss(self) -> None:
        """Go on although instances could not be restored."""
        self._open("accept_loss")


class ActingOnInstances(ActingScreen):
    """A screen where instances can be chosen too."""

    def do_skip(self) -> None:
        """Take them out of the upgrade."""
        self._open("skip")

    def do_hold(self) -> None:
        """Keep them out of batches."""
        self._open("hold")

    def do_release(self) -> None:
        """Let them take part again."""
        self._open("release")

    def do_protect(self) -> None:
        """Protect them."""
        self._open("protect")

    def do_unprotect(self) -> None:
        """End their protection."""
        self._open("unprotect")
