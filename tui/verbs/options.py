"""The options that many verbs share, with the words their `--help` shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

StateDir = Annotated[
    Path | None,
    typer.Option("--state-dir", help="Where the engine keeps its state. Also ROLLSET_STATE_DIR.", show_default=False),
]
Host = Annotated[
    str | None,
    typer.Option("--host", metavar="[USER@]HOST", help="The engine of another machine, over ssh.", show_default=False),
]
Readonly = Annotated[bool, typer.Option("--readonly", help="The engine refuses every change; none is started.")]
Json = Annotated[bool, typer.Option("--json", help="Only JSON on standard output; Azure's shapes under `azure`.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Why; kept in the audit trail.", show_default=False)]
Confirm = Annotated[
    str | None,
    typer.Option(
        "--confirm",
        metavar="SET",
        help="The set's name, for a set tagged production; several with commas.",
        show_default=False,
    ),
]
SetName = Annotated[str, typer.Argument(metavar="SET", help="A scale set's name or resource id.", show_default=False)]
OptionalSetName = Annotated[
    str | None, typer.Argument(metavar="[SET]", help="A scale set's name or resource id.", show_default=False)
]
InstanceId = Annotated[str, typer.Argument(metavar="INSTANCE", help="An instance id.", show_default=False)]
FailedIds = Annotated[
    list[str] | None,
    typer.Argument(metavar="[INSTANCE]...", help="Instance ids; all that failed without any.", show_default=False),
]
InstanceIds = Annotated[list[str], typer.Argument(metavar="INSTANCE...", help="Instance ids.", show_default=False)]
Follow = Annotated[bool, typer.Option("--follow", help="Watch until it has ended; ctrl+c only stops watching.")]

To = Annotated[
    str | None, typer.Option("--to", metavar="VERSION", help="The image version to go to.", show_default=False)
]
Batch = Annotated[
    str | None, typer.Option("--batch", metavar="N|P%", help="Instances in a batch, or percent.", show_default=False)
]
Pause = Annotated[
    str | None,
    typer.Option("--pause-between-batches", metavar="DURATION", help="As 90s, 10m or PT10M.", show_default=False),
]
MaxUnhealthy = Annotated[
    int | None,
    typer.Option("--max-unhealthy", metavar="PERCENT", help="Of the whole set, before a stop.", show_default=False),
]
MaxUnhealthyUpgraded = Annotated[
    int | None,
    typer.Option(
        "--max-unhealthy-upgraded", metavar="PERCENT", help="Of the upgraded, before a stop.", show_default=False
    ),
]
RestoreFailed = Annotated[
    str | None,
    typer.Option(
        "--restore-failed",
        metavar="always|on_breach|never|azure",
        help="When a failed instance gets its previous disk back.",
        show_default=False,
    ),
]
Step = Annotated[bool, typer.Option("--step", help="One batch, then pause.")]
At = Annotated[
    str | None,
    typer.Option("--at", metavar="TIME", help="Begin then: ISO 8601, HH:MM or a duration.", show_default=False),
]
HealthWindow = Annotated[
    str | None,
    typer.Option(
        "--health-window", metavar="DURATION", help="Time to become healthy after a swap.", show_default=False
    ),
]
Timeout = Annotated[
    str | None, typer.Option("--timeout", metavar="DURATION", help="Time limit of the run.", show_default=False)
]
