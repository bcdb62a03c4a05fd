"""Reading what one instance is now from its files and processes."""

from __future__ import annotations

from engine.fleets.local import disks, processes, records
from engine.fleets.local.facts import InstanceFacts
from engine.fleets.local.layout import InstancePaths, read_json, tail_of

BOOT_LOG_TAIL_BYTES = 4096


def observe(paths: InstancePaths, instance_id: str) -> InstanceFacts:
    """The facts of one instance, read without waiting for anything."""
    identity = read_json(paths.identity)
    running = processes.find_running(paths)
    ended = None if running else read_json(paths.exit)
    last = records.last_effect(paths)
    generation, kept = disks.current_generation(paths), disks.kept_generations(paths)
    return InstanceFacts(
        instance_id=instance_id,
        exists=identity is not None or paths.directory.exists(),
        running=running is not None,
        pid=running.pid if running else None,
        keeper_pid=running.keeper_pid if running else None,
        address=identity["address"] if identity else "",
        port=identity["port"] if identity else 0,
        generation=generation,
        image_digest=dict(kept).get(generation, ""),
        generations=kept,
        last_effect_id=last.effect_id if last else None,
        last_effect_phase=last.phase if last else None,
        exit_code=ended["exit_code"] if ended else None,
        boot_log_tail=tail_of(paths.boot_log, BOOT_LOG_TAIL_BYTES),
    )
