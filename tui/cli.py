"""The `rollset` command: every verb, its exit codes, its errors.

Exit codes: 0 the verb did what it says; 1 what was followed ended otherwise than asked; 2 usage or input; 3 not found;
4 refused in this state; 5 engine or store not reachable; 6 not permitted; 124 timed out; 130 stopped watching.
"""

from __future__ import annotations

import os
from typing import Any

import typer
from typer.core import TyperGroup

from engine.model.errors import InputError, RollsetError
from tui.verbs import (
    asking,
    cockpit,
    demo,
    engine_process,
    halting,
    images,
    moving,
    policies,
    recording,
    rehearsing,
    sets,
    upgrades,
    watching,
)
from tui.verbs.engine_access import HOST_VARIABLE, READONLY_VARIABLE, SOCKET_VARIABLE, STATE_DIR_VARIABLE
from tui.verbs.options import Host, Readonly, StateDir
from tui.verbs.printing import note, say_error
from tui.verbs.showing import STOPPED, open_meant


class RollsetGroup(TyperGroup):
    """Turns the one tree of errors into one clear line on standard error and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run the verb; a RollsetError ends with its exit code, ctrl+c with 130."""
        try:
            return super().invoke(ctx)
        except RollsetError as error:
            say_error(error)
            raise typer.Exit(error.exit_code) from None
        except KeyboardInterrupt:
            note("stopped")
            raise typer.Exit(STOPPED) from None


app = typer.Typer(
    name="rollset",
    cls=RollsetGroup,
    help="Rolling OS-image upgrades of VM scale sets.",
    invoke_without_command=True,
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)


@app.callback()
def before_every_verb(
    context: typer.Context, state_dir: StateDir = None, host: Host = None, readonly: Readonly = False
) -> None:
    """Rolling OS-image upgrades of VM scale sets. Without a verb it opens the cockpit."""
    if host is not None and state_dir is not None:
        raise InputError("InvalidHost", "--host and --state-dir exclude each other.", "The host has its own.")
    if host is not None:
        os.environ[HOST_VARIABLE] = host
    if state_dir is not None:
        os.environ[STATE_DIR_VARIABLE] = str(state_dir.expanduser().absolute())
        for other in (HOST_VARIABLE, SOCKET_VARIABLE):
            os.environ.pop(other, None)
    if readonly:
        os.environ[READONLY_VARIABLE] = "1"
    if context.invoked_subcommand is None:
        open_meant()


for family in (
    sets,
    images,
    policies,
    upgrades,
    halting,
    rehearsing,
    watching,
    asking,
    demo,
    recording,
    cockpit,
    moving,
    engine_process,
):
    family.register(app)


def main() -> None:
    """Run the command line."""
    app(prog_name="rollset")
