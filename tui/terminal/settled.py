"""When a key has had its effect: only then may the next one be sent, or it goes to what had the focus before.

Textual hands keys from the app's queue to the focused widget's; typed in one burst (a paste, `tmux send-keys`), the
letters after a key that opens a box would miss the box.
"""

from __future__ import annotations

import asyncio
from typing import Any

from textual.app import App
from textual.message_pump import MessagePump

HOP_S = 0.1
"""How long one queue may take; a handler that waits for something is not waited for."""


async def settled(app: App[Any]) -> None:
    """Return when the queues that a key goes through have taken what was in them: app, widget, screen, new screen."""
    await _emptied(app)
    for _ in range(2):
        screen = app.screen
        await _emptied(screen.focused or screen)
        await _emptied(screen)
        await _emptied(app)
        if app.screen is screen:
            break


async def _emptied(pump: MessagePump) -> None:
    done = asyncio.Event()
    if pump.call_later(done.set):
        try:
            await asyncio.wait_for(done.wait(), HOP_S)
        except TimeoutError:
            return
