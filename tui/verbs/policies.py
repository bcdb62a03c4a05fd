"""Verbs on policy documents: `rollset policy ...`; `rollset apply` creates and changes them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import typer

from engine.wire.safe_text import printable
from tui.verbs import engine_access
from tui.verbs.options import Confirm, Json, Reason, StateDir
from tui.verbs.printing import say, say_json

Name = Annotated[str, typer.Argument(metavar="NAME", help="A policy's name.", show_default=False)]
ENVELOPE = ("kind", "name", "scaleSets")


def list_(json: Json = False, state_dir: StateDir = None) -> None:
    """List the policies: which sets they speak for, and what they say."""
    answer = engine_access.connect(state_dir).query("policies", {})
    if json:
        say_json(answer)
    else:
        say(policy_lines(answer["policies"]))


def policy_lines(policies: Sequence[Mapping[str, Any]]) -> list[str]:
    """One policy a line."""
    from tui.plain.table import table

    if not policies:
        return ["no policy yet; rollset apply FILE makes one"]
    rows = []
    for policy in policies:
        document = policy["document"]
        said = ", ".join(f"{name} {value}" for name, value in document.items() if name not in ENVELOPE)
        rows.append((document["name"], policy["version"], ", ".join(document["scaleSets"]), said))
    return table(("POLICY", "VERSION", "SETS", "SAYS"), rows)


def delete(name: Name, reason: Reason = None, confirm: Confirm = None, state_dir: StateDir = None) -> None:
    """Delete a policy; upgrades that run keep its values."""
    given = {"name": name, "reason": reason, "confirm": confirm}
    answer = engine_access.send(engine_access.connect(state_dir), "policy-delete", given)
    say([printable(str(answer["message"]))])


def register(app: typer.Typer) -> None:
    """Add these verbs below `policy`."""
    policy = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="List and delete policy documents.")
    for name, verb in (("list", list_), ("delete", delete)):
        policy.command(name)(verb)
    app.add_typer(policy, name="policy")
