"""What each error code means and what to do about it."""

from __future__ import annotations

from dataclasses import dataclass

from engine.model.codes import ErrorCode

_PAGE = "Azure: automatic OS image upgrade page"
_THREADS = "Azure: public issue threads and recorded answers"


@dataclass(frozen=True, slots=True)
class CodeEntry:
    code: ErrorCode
    title: str
    meaning: str
    what_to_do: tuple[str, ...]
    source: str


def _entry(code: ErrorCode, title: str, meaning: str, *what_to_do: str, source: str = _PAGE) -> CodeEntry:
    return CodeEntry(code, title, meaning, what_to_do, source)


_ENTRIES = (
    _entry(
        ErrorCode.UNHEALTHY_BEFORE,
        "too many instances were unhealthy before the first batch",
        "The share of unhealthy instances of the whole set was above maxUnhealthyInstancePercent. Nothing was touched.",
        "Look at the unhealthy instances: rollset show SET",
        "If the upgrade is the cure, raise the limit for this run: rollset start SET --max-unhealthy 100",
    ),
    _entry(
        ErrorCode.UNHEALTHY_DURING,
        "too many instances became unhealthy during the run",
        "Between batches the share of unhealthy instances, upgraded or not, was above maxUnhealthyInstancePercent.",
        "Instances outside the upgrade may be the cause: rollset show SET",
        "Go on with the rest by a new start once they are well; go back with rollset rollback SET",
    ),
    _entry(
        ErrorCode.UNHEALTHY_UPGRADED,
        "too many upgraded instances are unhealthy",
        "Of the instances upgraded so far, more than maxUnhealthyUpgradedInstancePercent failed or are unhealthy now.",
        "Read the first failed instance's probe answer and extension output: rollset show SET",
        "Go back: rollset rollback SET. Or exclude the version: rollset image exclude REFERENCE",
    ),
    _entry(
        ErrorCode.IN_PROGRESS_WITH_FAILED,
        "the upgrade goes on with failed instances",
        "One or more instances failed; the thresholds are not broken yet. The message says whether the run goes on.",
        "Pause to look: rollset pause SET. Try them again: rollset retry SET ID",
    ),
    _entry(
        ErrorCode.TIMEOUT,
        "the upgrade took longer than its limit",
        "Unpaused observed time went above the run's limit; what had begun finished, nothing else began.",
        "See what it waited for: rollset events. Start again with --timeout SECONDS",
    ),
    _entry(
        ErrorCode.INTERNAL,
        "an unexpected error",
        "Something failed that has no code of its own; the message gives the cause.",
        "Read the cause, then rollset retry SET",
    ),
    _entry(
        ErrorCode.INSTANCE_UNHEALTHY,
        "one instance was unhealthy",
        "An instance did not become healthy in its window, or was found unhealthy; one detail per instance.",
        "Its probe's answer and extension output: rollset show SET",
        source=_THREADS,
    ),
    _entry(
        ErrorCode.OUTSIDE_WINDOWS,
        "the maintenance window was over",
        "A batch was to begin outside the scheduled windows.",
        "Wait for the next window, or widen it.",
        source=_THREADS,
    ),
    _entry(
        ErrorCode.EXTENSION,
        "an extension failed",
        "An extension of the instance ended with an error or did not end in time.",
        "Its exit code and output: rollset show SET. Correct the script, then rollset retry SET",
        source=_THREADS,
    ),
    _entry(
        ErrorCode.OPERATION_NOT_ALLOWED,
        "not allowed in this state",
        "The command was understood but the present state refuses it; the message says why.",
        "rollset status SET",
        source=_THREADS,
    ),
    _entry(
        ErrorCode.BAD_REQUEST,
        "the model cannot be used",
        "Azure refuses the model as a whole.",
        "Read the message.",
        source=_THREADS,
    ),
    _entry(
        ErrorCode.INVALID_PARAMETER,
        "a value cannot be used",
        "A field or an option has a value out of its limits or of the wrong kind; nothing was changed.",
        "Correct the field that the message names.",
        source=_THREADS,
    ),
    _entry(ErrorCode.NOT_FOUND, "not found", "The named thing does not exist.", "rollset sets", source=_THREADS),
    _entry(ErrorCode.CONFLICT, "somebody else changed it", "The state moved on.", "Look again.", source=_THREADS),
    _entry(
        ErrorCode.DEPLOYMENT_FAILURE,
        "a deployment failed",
        "A wrapper: the real code is in its details.",
        "Explain the code in the details.",
        source=_THREADS,
    ),
    _entry(
        ErrorCode.ALLOCATION_FAILED,
        "no capacity for the instance",
        "The cloud had no room; inside an upgrade it shows up as a health breach.",
        "Try another size or time, then retry.",
        source=_THREADS,
    ),
    _entry(
        ErrorCode.NETWORKING_INTERNAL,
        "a network operation failed",
        "A fault of the network layer under one instance.",
        "rollset retry SET",
        source=_THREADS,
    ),
)

CATALOGUE: dict[ErrorCode, CodeEntry] = {entry.code: entry for entry in _ENTRIES}


def find_codes(beginning: str) -> list[CodeEntry]:
    """Entries whose code begins so, in any case; an exact code alone."""
    wanted = beginning.strip().lower()
    exact = [entry for entry in _ENTRIES if entry.code.value.lower() == wanted]
    return exact or [entry for entry in _ENTRIES if wanted and entry.code.value.lower().startswith(wanted)]
