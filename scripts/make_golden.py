"""Write the golden files of this version: a database, its events as lines, a recording, and the state they make.

Later versions must open, migrate and replay what is committed under tests/data/golden. A file that is there is never
changed: make a new folder for a new version.
"""

from __future__ import annotations

import gzip
import json
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))


def main() -> int:
    """Run a reference upgrade that is paused, resumed and rolled back, and keep what it leaves. 1 when it is there."""
    from engine.model.version import VERSION
    from engine.store.backup import write_backup
    from engine.store.connection import open_store
    from engine.wire.events import recorded_to_dict
    from engine.wire.state import dump
    from tests.crash.reference_upgrades import REFERENCES, Run
    from tests.worlds.small_engine import on_virtual_time

    target = ROOT / "tests" / "data" / "golden" / VERSION
    if target.exists():
        print(f"{target} is there already; golden files never change", file=sys.stderr)
        return 1
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as scratch:
        run = Run(Path(scratch), REFERENCES[2])
        on_virtual_time(run.prepare)
        on_virtual_time(run.live)
        run.check()
        write_backup(run.root / "rollset.db", run.root / "golden.db")
        (target / "rollset.db.gz").write_bytes(gzip.compress((run.root / "golden.db").read_bytes(), mtime=0))
        store = open_store(run.root / "golden.db")
        state = store.load_state()
        lines = [json.dumps(recorded_to_dict(r)) + "\n" for r in store.events(0, 1_000_000)]
        store.close()
        recording = _recording_of(run.root, state.upgrades[0].id)
        (target / "recording.jsonl.gz").write_bytes(gzip.compress(recording.encode(), mtime=0))
    (target / "events.jsonl.gz").write_bytes(gzip.compress("".join(lines).encode(), mtime=0))
    records = {
        "scale_sets": [json.loads(dump(x)) for x in state.scale_sets],
        "upgrades": [json.loads(dump(x)) for x in state.upgrades],
        "images": [json.loads(dump(x)) for x in state.images],
    }
    (target / "state.json").write_text(json.dumps(records, indent=1, sort_keys=True) + "\n")
    print(f"{target}: {len(lines)} events")
    return 0


def _recording_of(root: Path, upgrade: str) -> str:
    """The run as `rollset record` writes it, out of an engine on the same database."""
    import anyio

    from engine.runtime.past_run import recording_lines
    from tests.worlds.durable_fleet import DurableFleet
    from tests.worlds.small_engine import small_engine

    async def story() -> str:
        async with small_engine(root, DurableFleet(root / "fleet"), later_s=100_000) as engine:
            return "\n".join(await recording_lines(engine, upgrade)) + "\n"

    # Threads tell the log again, so on the real clock.
    return anyio.run(story, backend="trio")


if __name__ == "__main__":
    sys.exit(main())
