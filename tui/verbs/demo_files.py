"""`rollset demo --files DIR`: images, a scale set and a policy as files, to follow the README with."""

from __future__ import annotations

import json
from pathlib import Path

from engine.model.errors import InputError
from tui.verbs import demo_documents, demo_images

NAME = "web"
IMAGE = ("contoso", "web", "stable")
INSTANCES = 6
IMAGES = {"1.0": demo_images.GOOD, "1.1": demo_images.GOOD, "1.2": demo_images.BAD}
POLICY = {
    "kind": "rollset.policy/v1",
    "name": "webs",
    "scaleSets": ["web*"],
    "healthWindow": "PT6S",
    "pauseTimeBetweenBatches": "PT2S",
}


def write_files(directory: Path) -> list[Path]:
    """Write image directories and documents below `directory` (made if missing); returns them in order of use.

    Raises InputError, before anything is written, when one of them is there already or the directory cannot be used.
    """
    fleet = demo_documents.documents(INSTANCES, name=NAME, image=IMAGE)
    # What the model states stands above a policy document, and the policy is to be seen at work.
    fleet[1]["properties"]["upgradePolicy"]["rollingUpgradePolicy"].pop("pauseTimeBetweenBatches")
    images = {directory / f"{NAME}-{version}": behaviour for version, behaviour in IMAGES.items()}
    documents = {
        directory / f"{NAME}.json": fleet,
        directory / "policy.json": POLICY,
    }
    there = [path for path in (*images, *documents) if path.exists()]
    if there:
        raise InputError("InvalidParameter", f"{there[0]} is there already.", "Choose another directory.")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, behaviour in images.items():
            demo_images.write_image(path, f"{path.name.removeprefix(f'{NAME}-')}.0", behaviour)
        for path, document in documents.items():
            path.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise InputError("InvalidParameter", f"{directory}: {error.strerror}.", "Choose another directory.") from None
    return [*images, *documents]
