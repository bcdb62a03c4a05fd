"""Verbs on images: `rollset image ...`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from engine.model.errors import InputError
from engine.wire.safe_text import printable
from tui.verbs import engine_access
from tui.verbs.options import Json, Reason, StateDir
from tui.verbs.printing import say, say_json

Reference = Annotated[str, typer.Argument(metavar="REFERENCE", help="publisher:offer:sku:version", show_default=False)]


def publish(
    path: Annotated[Path, typer.Argument(metavar="DIR_OR_TAR", help="With a `boot` executable.", show_default=False)],
    reference: Annotated[str, typer.Option("--as", metavar="REFERENCE", help="publisher:offer:sku:version")],
    reason: Reason = None,
    state_dir: StateDir = None,
) -> None:
    """Publish a directory or a tar archive as an image version."""
    from tui.plain.upgrades import size

    if engine_access.is_remote():
        if not path.is_absolute():
            raise InputError("InvalidFile", f"{path} is relative.", "With --host, name a path on that machine.")
    elif not path.exists():
        raise InputError("InvalidFile", f"{path}: no such file or directory.", "Name a directory or a tar archive.")
    arguments = {"path": str(path.absolute()), "reference": reference, "reason": reason}
    answer = engine_access.send(engine_access.connect(state_dir), "image-publish", arguments)
    if "digest" not in answer:
        say([printable(str(answer["message"]))])
        return
    say([f"{printable(answer['reference'])}: {answer['action']}, {size(answer['size_bytes'])}, {answer['digest']}"])


def list_(json: Json = False, state_dir: StateDir = None) -> None:
    """List the published image versions."""
    from tui.plain.fleet import image_lines

    answer = engine_access.connect(state_dir).query("images", {})
    if json:
        say_json(answer)
    else:
        say(image_lines(answer["images"]))


def exclude(reference: Reference, reason: Reason = None, state_dir: StateDir = None) -> None:
    """Leave a version out when `latest` is chosen."""
    engine_access.send(engine_access.connect(state_dir), "image-exclude", {"reference": reference, "reason": reason})
    say([f"{printable(reference)}: excluded from latest"])


def include(reference: Reference, reason: Reason = None, state_dir: StateDir = None) -> None:
    """Let a version be `latest` again, also for the sets where it was rolled back."""
    arguments = {"reference": reference, "reason": reason}
    answer = engine_access.send(engine_access.connect(state_dir), "image-include", arguments)
    sets = ", ".join(map(printable, answer.get("lifted_in") or ()))
    say([f"{printable(reference)}: included in latest{f', also where it was rolled back: {sets}' if sets else ''}"])


def register(app: typer.Typer) -> None:
    """Add these verbs below `image`."""
    image = typer.Typer(rich_markup_mode=None, no_args_is_help=True, help="Publish and list image versions.")
    for name, verb in (("publish", publish), ("list", list_), ("exclude", exclude), ("include", include)):
        image.command(name)(verb)
    app.add_typer(image, name="image")
