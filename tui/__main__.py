"""The `rollset` command. Alone it opens the cockpit at once; with anything behind it, it is the command line."""

from __future__ import annotations

import os
import sys

COMPLETION_VARIABLE = "_ROLLSET_COMPLETE"


def main() -> None:
    """The entry point: what a terminal cannot show is replaced, never a crash."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
    if len(sys.argv) == 1 and COMPLETION_VARIABLE not in os.environ:
        sys.exit(_cockpit())
    from tui.cli import main as command_line

    command_line()


def _cockpit() -> int:
    from engine.model.errors import RollsetError
    from tui.verbs.printing import note, say_error
    from tui.verbs.showing import STOPPED, open_meant

    try:
        open_meant()
    except RollsetError as error:
        say_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        note("stopped")
        return STOPPED
    return 0


if __name__ == "__main__":
    main()
