"""Whether the files of a set's scripts can be had, asked before any disk is replaced for them."""

from __future__ import annotations

import json

from engine.model.numbers import many
from engine.model.plan import PlanCheck
from engine.model.scale_set import ScaleSet
from engine.runtime.engine import Engine

MOST_ASKED = 20
"""So many files of one set are asked for; what is beyond is met when its script runs."""
CURE = (
    "Make it answer to the engine's machine (a start asks again at once, a plan after a minute), or name another file "
    "in the model and apply it."
)


async def file_checks(engine: Engine, scale_set: ScaleSet, *, binding: bool, anew: bool) -> tuple[PlanCheck, ...]:
    """What a plan says of the files its extensions fetch; none for a fleet that runs no scripts.

    With `binding` a file that cannot be had refuses the start; one that only did not answer in time is warned of.
    With `anew` no bad answer is taken from memory.
    """
    wanted = _files(scale_set)
    if not wanted:
        return ()
    asked = dict(list(wanted.items())[:MOST_ASKED])
    gone = await engine.asked_files.missing(scale_set.key, list(asked), anew=anew)
    found = [
        PlanCheck("refused" if binding and not x.silent else "warned", f"extension {asked[uri]}: {x.words}", CURE)
        for uri, x in gone.items()
    ]
    answered = len(asked) - len(gone)
    if answered:
        of = f" of {len(wanted)}" if answered < len(wanted) else ""
        found.append(PlanCheck("passed", f"{many(answered, 'file')}{of} that scripts fetch can be had now"))
    return tuple(found)


def _files(scale_set: ScaleSet) -> dict[str, str]:
    """Addresses of files, with the extension that first names each."""
    found: dict[str, str] = {}
    for extension in scale_set.model.extensions if scale_set.fleet == "local" else ():
        uris = json.loads(extension.settings_json).get("fileUris") or () if extension.is_custom_script else ()
        for uri in uris:
            found.setdefault(str(uri), extension.name)
    return found
