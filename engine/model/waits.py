"""What each reason to wait means, what ends it, and what an operator can do: holds, and what a run is blocked by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from engine.model.upgrade import HoldKind


class WaitKind(StrEnum):
    """Why an upgrade, or one of its members, does not move though nothing holds it; holds are HoldKind."""

    START_TIME = "StartTime"
    HEALTH_NOT_OBSERVED = "HealthNotObserved"
    INSTANCES_CREATING = "InstancesCreating"
    INSTANCES_STOPPED = "InstancesStopped"
    PAUSE_BETWEEN_BATCHES = "PauseBetweenBatches"
    INSTANCES_HELD = "InstancesHeld"
    HEALTH = "Health"
    MEMBERS_IN_PROGRESS = "MembersInProgress"
    ACT_OVERDUE = "ActOverdue"
    ENGINE = "Engine"
    RECONCILING = "Reconciling"
    EFFECT = "Effect"
    BATCH = "Batch"
    HELD = "Held"


@dataclass(frozen=True, slots=True)
class WaitEntry:
    """`meaning` is why nothing moves, `ends` what ends it. `what_to_do` says SET and ID for names; empty: just wait."""

    kind: HoldKind | WaitKind
    title: str
    meaning: str
    ends: str
    what_to_do: tuple[str, ...] = ()


_ENTRIES = (
    WaitEntry(
        HoldKind.OPERATOR,
        "somebody paused it",
        "An operator paused the upgrade, let it run one batch only, or halted everything. What had begun finishes, "
        "nothing else begins, and no deadline runs.",
        "resume or step; where everything is halted, lift-halt comes first for one that goes forward.",
        ("Go on: rollset resume SET", "One batch more: rollset step SET", "End it here: rollset cancel SET"),
    ),
    WaitEntry(
        HoldKind.RESTORE_FAILED,
        "an instance could not get its previous OS disk back",
        "The restore of a failed instance failed too, so that nobody can say what runs there. Nothing new begins "
        "until an operator has decided about it; what had begun finishes.",
        "a restore that is tried again and succeeds, the loss being accepted, or the instance leaving the set.",
        (
            "Try it again: rollset retry SET ID",
            "Leave them as they are and go on: rollset accept-loss SET",
            "Read what its fleet said: rollset explain SET",
        ),
    ),
    WaitEntry(
        HoldKind.STORE_NOT_WRITABLE,
        "the engine cannot write its database",
        "The disk of the state directory is full or fails. What cannot be written down is not done: no act begins, "
        "and what instances report is kept in memory.",
        "a write that succeeds, with enough room for what runs: then it goes on by itself.",
        ("See what is wrong and how much room there is: rollset doctor", "Free disk space in the state directory."),
    ),
    WaitEntry(
        HoldKind.STORE_SUSPECT,
        "the database cannot be trusted",
        "A check found the database damaged, or it refused what the engine wanted to write. An upgrade that went on "
        "would be led by records that may be wrong.",
        "checks of the database that pass, which an engine makes when it starts.",
        (
            "See which check failed: rollset doctor",
            "Stop the engine and take the newest good backup: rollset engine stop, then rollset restore FILE",
        ),
    ),
    WaitEntry(
        HoldKind.FLEET_UNREACHABLE,
        "the fleet does not answer",
        "The fleet of the set answers no calls, or cannot act. The state of its instances is not known, so nothing "
        "is begun on them, and no instance is called unhealthy for it.",
        "an answer of the fleet to every kind of call that was lost: then it goes on by itself.",
        ("See what the fleet said: rollset status SET", "See what else is wrong on this machine: rollset doctor"),
    ),
    WaitEntry(
        HoldKind.CLOCK_UNTRUSTED,
        "the wall clock jumped",
        "The clock of this machine jumped by more than a minute, or the machine was suspended. Start times, holds "
        "with an end and the age of previous disks follow the clock; deadlines do not.",
        "the clock being back where it was, or steady for ten minutes: then it goes on by itself.",
        ("Set the clock of this machine right.",),
    ),
    WaitEntry(
        HoldKind.INVARIANT_BROKEN,
        "the engine found a contradiction in its own records",
        "A rule that must always be true of an upgrade is not: a defect of Rollset. It goes no further, so that it "
        "does no harm; what had begun finishes.",
        "its end by cancel. It does not go away by itself.",
        (
            "Keep what is needed to find the defect: rollset doctor --bundle FILE",
            "End the upgrade: rollset cancel SET",
            "Then go on with what is left: rollset start SET",
        ),
    ),
    WaitEntry(
        WaitKind.START_TIME,
        "its start time has not come",
        "It was started for a later time (start --at). Nothing is touched before.",
        "the time that was asked for.",
        ("Not at all: rollset cancel SET",),
    ),
    WaitEntry(
        WaitKind.HEALTH_NOT_OBSERVED,
        "the health of some instances is not known yet",
        "Instances are Initializing or were not probed since the engine started, so that the limits cannot be "
        "judged. The next batch, the first one too, waits for a verdict on each.",
        "an answer of each of them, good or bad, or the end of its grace period.",
        ("See which ones: rollset show SET",),
    ),
    WaitEntry(
        WaitKind.INSTANCES_CREATING,
        "instances are still being created",
        "The set grows, or an instance is made anew. The next batch waits until they are there, as they count for "
        "the limits; one whose creation failed is tried again and not waited for, unless nobody else is left to "
        "upgrade.",
        "their being there, or their being skipped or taken out of the set.",
        ("See why one does not come: rollset show SET", "End without it: rollset skip SET ID"),
    ),
    WaitEntry(
        WaitKind.INSTANCES_STOPPED,
        "instances were stopped with the engine",
        "Somebody ended them with `engine stop --with-instances`. They would be judged as unhealthy, so that nothing "
        "begins on the way forward; a roll back waits for none of them.",
        "`rollset engine start`, which boots them.",
        ("Boot them: rollset engine start", "See which ones: rollset show SET", "Or go back: rollset rollback SET"),
    ),
    WaitEntry(
        WaitKind.PAUSE_BETWEEN_BATCHES,
        "the pause between two batches",
        "pauseTimeBetweenBatches of its policy: time in which a batch that was upgraded shows whether it stays well.",
        "that time. A pause by an operator puts it off by its length.",
    ),
    WaitEntry(
        WaitKind.INSTANCES_HELD,
        "only held instances are left",
        "Everything else is at its end. Held instances are in no batch, and a run does not end without them, as the "
        "set would have two versions that nobody decided on.",
        "their release, which takes them into a batch, or their being skipped.",
        ("Take one in: rollset release SET ID", "End without it: rollset skip SET ID"),
    ),
    WaitEntry(
        WaitKind.HEALTH,
        "instances have their new OS disk and must become healthy",
        "Every member of the batch has its disk and waits for its health probe to say Healthy often enough in a "
        "row. The health window (5 minutes unless said otherwise) is how long each may take.",
        "its being healthy, or the end of its health window: it has then failed.",
        ("See what the probes answer: rollset show SET",),
    ),
    WaitEntry(
        WaitKind.MEMBERS_IN_PROGRESS,
        "members of the batch are worked on",
        "Disks are replaced or put back, or extensions run; the words name the one that has been at it longest.",
        "their acts, one by one; the next batch comes when all are at their end.",
    ),
    WaitEntry(
        WaitKind.ACT_OVERDUE,
        "an act takes longer than it may",
        "An act on an instance should have ended, and its fleet neither ends it nor says that it failed. Nobody "
        "knows what became of the disk, so it is not begun a second time and the upgrade is not ended over it.",
        "an answer of the fleet, or the instance leaving the set.",
        ("Look at the instance itself: rollset show SET", "See what its fleet said: rollset events SET"),
    ),
    WaitEntry(
        WaitKind.ENGINE,
        "the engine's next step",
        "Nothing stands in the way; the engine takes its next step in a moment.",
        "the engine. Where it stays so for seconds, the engine has too much to do or is about to stop.",
        ("See how it is: rollset engine status",),
    ),
    WaitEntry(
        WaitKind.RECONCILING,
        "the engine looks what became of an act",
        "An act had begun when an engine died or a fleet fell silent. It is looked up at the fleet first: nothing "
        "is done twice.",
        "the fleet saying what became of it.",
    ),
    WaitEntry(
        WaitKind.EFFECT,
        "an act on this instance is under way",
        "Its restore point is written down, its OS disk is replaced or put back, or an extension runs.",
        "the act's end, good or bad.",
    ),
    WaitEntry(
        WaitKind.BATCH,
        "its batch has not come",
        "It is pending: batches are taken in order of zone, update domain, fault domain and instance id.",
        "the batch that takes it, or the end of the upgrade.",
        ("See how far it is: rollset status SET",),
    ),
    WaitEntry(
        WaitKind.HELD,
        "an operator keeps this instance out of batches",
        "It was held, with a reason. The upgrade goes on with the others and waits for it at its end.",
        "its release, the end that was given to its hold, or its being skipped.",
        ("Take it in: rollset release SET ID", "End without it: rollset skip SET ID"),
    ),
)

WAITS: dict[str, WaitEntry] = {entry.kind.value: entry for entry in _ENTRIES}


def find_waits(beginning: str) -> list[WaitEntry]:
    """Entries whose kind begins so, in any case; an exact kind alone."""
    wanted = beginning.strip().lower()
    exact = [entry for entry in _ENTRIES if entry.kind.value.lower() == wanted]
    return exact or [entry for entry in _ENTRIES if wanted and entry.kind.value.lower().startswith(wanted)]
