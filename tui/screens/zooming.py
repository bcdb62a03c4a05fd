"""One panel over the whole screen."""

from __future__ import annotations

from textual.widget import Widget

from tui.screens.cockpit_screen import CockpitScreen


def zoom(screen: CockpitScreen, panels: str) -> None:
    """Give the panel with the focus the whole screen, or take it back; `panels` selects all of them."""
    screen.toggle_class("zoomed")
    focused: Widget | None = screen.focused
    for widget in screen.query(panels):
        widget.set_class(focused is not None and (widget is focused or widget in focused.ancestors), "front")
    screen.call_after_refresh(screen.paint_now)
