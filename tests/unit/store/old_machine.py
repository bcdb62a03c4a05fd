"""A machine that is moved: what it has, its export, and what another one makes of it."""

from __future__ import annotations

import io
import tarfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

from engine.fleets.local.sample_images import write_sample_image
from engine.model import events as e
from engine.model.image import ImageReference, ImageVersion
from engine.model.policy_document import PolicyDocument
from engine.store.connection import open_store
from engine.store.exporting import export_to
from engine.store.image_blobs import ImageBlobs
from engine.store.importing import import_from
from engine.store.schema import DATABASE
from engine.store.store import StoredState, Transaction
from tests.unit.store.test_state_rows import a_set

NOW = 1_800_000_000.0
JOURNAL = "0123456789abcdef.jsonl"


class OldMachine:
    """A state directory with a local and a simulated set, an image and a policy; `export` writes its archive."""

    def __init__(self, root: Path) -> None:
        self.state_dir = root / "old"
        self.state_dir.mkdir(mode=0o700)
        self.blobs = ImageBlobs(self.state_dir / "images")
        write_sample_image(root / "image", version="1.0.0", behaviour="good")
        blob = self.blobs.publish(root / "image")
        reference = ImageReference("contoso", "web", "stable", "1.0.0")
        self.image = ImageVersion(reference, blob.digest, blob.size_bytes, NOW)
        (self.state_dir / "simulated").mkdir()
        (self.state_dir / "simulated" / JOURNAL).write_text('["set", 1.0, 2.0, "s"]\n')
        (self.state_dir / "hooks.json").write_text("{}")
        self.local = a_set()
        self.simulated = replace(a_set(), key="s", name="s", fleet="simulated")
        policy = e.PolicyApplied(PolicyDocument("webs", ("web-*",)))
        store = open_store(self.state_dir / DATABASE)
        store.begin_epoch(1, "test", NOW)
        store.commit(
            Transaction(
                [
                    *((f"scale_set/{s.key}", e.ScaleSetApplied(s), "ana", "") for s in (self.local, self.simulated)),
                    (f"image/{reference}", e.ImagePublished(self.image), "ana", ""),
                    ("policy/webs", policy, "ana", ""),
                ],
                NOW,
                0.0,
                [self.local, self.simulated],
                images=[self.image],
            )
        )
        store.close()
        self.archive = root / "moved.rollset"

    def export(self) -> Path:
        export_to(self.archive, self.state_dir, self.blobs, [self.image], NOW)
        return self.archive

    def with_entries(self, change: Callable[[dict[str, bytes]], None]) -> Path:
        """The archive again, with its files changed."""
        with tarfile.open(self.export()) as archive:
            files = {entry.name: archive.extractfile(entry).read() for entry in archive}  # type: ignore[union-attr] # all are files
        change(files)
        with tarfile.open(self.archive, "w:gz") as archive:
            for name, content in files.items():
                entry = tarfile.TarInfo(name)
                entry.size = len(content)
                archive.addfile(entry, io.BytesIO(content))
        return self.archive


def take(state_dir: Path, archive: Path) -> dict[str, Any]:
    return dict(import_from(state_dir, archive, actor="bo", reason="the old box is retired", at=NOW + 60))


def state_of(state_dir: Path) -> tuple[StoredState, list[e.Recorded]]:
    store = open_store(state_dir / DATABASE)
    try:
        return store.load_state(), store.events(0, 1000)
    finally:
        store.close()


def untouched(state_dir: Path) -> bool:
    """Whether an import left nothing but an empty state directory, its lock, and images."""
    left = {path.name for path in state_dir.iterdir()} if state_dir.is_dir() else set()
    return left <= {"engine.lock", "images", "simulated"} and not list(state_dir.glob("simulated/*"))
