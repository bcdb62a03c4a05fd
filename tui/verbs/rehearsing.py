"""The verb that plays an upgrade on a twin of the set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tui.verbs import engine_access
from tui.verbs.options import (
    Batch,
    HealthWindow,
    Json,
    MaxUnhealthy,
    MaxUnhealthyUpgraded,
    Pause,
    RestoreFailed,
    SetName,
    StateDir,
    Timeout,
    To,
)
from tui.verbs.printing import note, say, say_json
from tui.verbs.recording import refuse_name, write_lines
from tui.verbs.upgrades import query_of, run_settings

Inject = Annotated[
    list[str] | None,
    typer.Option(
        "--inject",
        metavar="WHAT",
        help="What goes wrong; may be repeated. 3,7 or 10% or zone=1: never healthy on the new version; with @5m: "
        "unreachable from then on. engine=90s, engine=90s@5m: no engine runs for so long.",
        show_default=False,
    ),
]
Seed = Annotated[
    str | None, typer.Option("--seed", help="Another one draws other times and other victims.", show_default=False)
]
Save = Annotated[Path | None, typer.Option("--save", metavar="FILE", help="Keep as a recording for `rollset replay`.")]


def rehearse(
    name: SetName,
    to: To = None,
    inject: Inject = None,
    batch: Batch = None,
    pause_between_batches: Pause = None,
    max_unhealthy: MaxUnhealthy = None,
    max_unhealthy_upgraded: MaxUnhealthyUpgraded = None,
    restore_failed: RestoreFailed = None,
    health_window: HealthWindow = None,
    timeout: Timeout = None,
    seed: Seed = None,
    save: Save = None,
    json: Json = False,
    state_dir: StateDir = None,
) -> None:
    """Play an upgrade on a simulated twin of the set: how it ends, when, and what would stop it."""
    from tui.plain.rehearsal import rehearsal_lines

    if save is not None:
        refuse_name(save)
    settings = run_settings(
        to, batch, pause_between_batches, max_unhealthy, max_unhealthy_upgraded, restore_failed, health_window, timeout
    )
    settings |= {"inject": ";".join(inject or ()) or None, "seed": seed, "recording": "true" if save else None}
    answer = engine_access.connect(state_dir).query("rehearse", query_of(name, settings))
    lines = answer.pop("recording", [])
    if save is not None:
        write_lines(save, [line.encode() for line in lines])
    if json:
        say_json(answer)
    else:
        say(rehearsal_lines(answer["rehearsal"]))
    if save is not None:
        note(f"saved: rollset replay {save}")


def register(app: typer.Typer) -> None:
    """Add this verb."""
    app.command("rehearse")(rehearse)
