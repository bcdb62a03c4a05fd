"""The one tree of errors. Each carries a stable code, what happened with the values, and the next step.

`exit_code` is what the command line returns (0 is never an error): 2 usage or input, 3 not found, 4 refused in this
state, 5 engine or store not reachable, 6 not permitted.
"""

from __future__ import annotations


class RollsetError(Exception):
    """Something a caller can act upon: `code` is stable, `message` says what happened, `next_step` the way out."""

    exit_code = 1

    def __init__(self, code: str, message: str, next_step: str = "") -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.next_step = next_step

    def __str__(self) -> str:
        return f"{self.code}: {self.words}"

    @property
    def words(self) -> str:
        """What happened and the way out."""
        return f"{self.message} {self.next_step}".strip()


class InputError(RollsetError):
    """What was given cannot be used; nothing was changed."""

    exit_code = 2


class NotFoundError(RollsetError):
    """The named thing does not exist."""

    exit_code = 3


class RefusedError(RollsetError):
    """Understood, but not allowed in the present state."""

    exit_code = 4


class UnreachableError(RollsetError):
    """The engine, its store or its state directory cannot be used."""

    exit_code = 5


class NotPermittedError(RollsetError):
    """The caller may not do this."""

    exit_code = 6


ERRORS_BY_EXIT_CODE: dict[int, type[RollsetError]] = {
    kind.exit_code: kind
    for kind in (RollsetError, InputError, NotFoundError, RefusedError, UnreachableError, NotPermittedError)
}
