"""The client's side of the engine's door: all that a terminal imports of `engine.control`.

It imports no runtime, no store and no server: starting the engine is executing a command.
"""

from engine.control.client.calls import SILENCE_S, Client, claims, error_from, lost
from engine.control.client.lines import Line, SharedLine, StateDirLine, lock_note

__all__ = [
    "SILENCE_S",
    "Client",
    "Line",
    "SharedLine",
    "StateDirLine",
    "claims",
    "error_from",
    "lock_note",
    "lost",
]
