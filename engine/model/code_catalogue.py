"""What each error code means, when it comes, Azure's wording of it, and what to do about it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from engine.model import error_texts
from engine.model.codes import ErrorCode

_PAGE = "Azure: automatic OS image upgrade page"
_RECORDED = "Azure: automatic OS image upgrade page, recorded answers"
_THREADS = "Azure: public issue threads and recorded answers"


@dataclass(frozen=True, slots=True)
class CodeEntry:
    """`message` is Azure's wording where it is known. `what_to_do` says SET, ID and REFERENCE for names."""

    code: ErrorCode
    title: str
    meaning: str
    what_to_do: tuple[str, ...]
    source: str
    message: str = ""

    def advice(self, scale_set: str = "SET", instance: str = "ID", reference: str = "REFERENCE") -> tuple[str, ...]:
        """What to do, with the names of a case put in."""
        names = {"SET": scale_set, "ID": instance, "REFERENCE": reference}
        return tuple(_NAMES.sub(lambda found: names[found[0]], line) for line in self.what_to_do)


_NAMES = re.compile(r"\b(SET|ID|REFERENCE)\b")


def _entry(
    code: ErrorCode, title: str, meaning: str, *what_to_do: str, source: str = _PAGE, message: str = ""
) -> CodeEntry:
    return CodeEntry(code, title, meaning, what_to_do, source, message)


_ENTRIES = (
    _entry(
        ErrorCode.UNHEALTHY_BEFORE,
        "too many instances were unhealthy before the first batch",
        "Before anything was touched, more of the whole set was unhealthy than maxUnhealthyInstancePercent allows "
        "(strictly more). No OS disk was replaced; all four counters are 0.",
        "See which instances are unhealthy, and their probes' last answers: rollset show SET",
        "If the new image is the cure, raise the limit for this run: rollset start SET --max-unhealthy 100",
        "A set of four or fewer is above 20 % with one unhealthy instance: rollset plan SET says so beforehand.",
        source=_RECORDED,
        message=error_texts.before_rolling_upgrade("<P>", "<T>", "<error>"),
    ),
    _entry(
        ErrorCode.UNHEALTHY_DURING,
        "too many instances became unhealthy during the run",
        "At the end of a batch, or right before the next one, more of the whole set was unhealthy than "
        "maxUnhealthyInstancePercent allows, upgraded instances or not. The batch in flight was finished, none began.",
        "The cause may lie outside the upgrade; see who is unhealthy and whether they were touched: rollset show SET",
        "Once they are well, go on with what is left by a new start: rollset start SET",
        "Or go back: rollset rollback SET",
        source=_RECORDED,
        message=error_texts.in_rolling_upgrade("<P>", "<T>"),
    ),
    _entry(
        ErrorCode.UNHEALTHY_UPGRADED,
        "too many upgraded instances are unhealthy",
        "Of the instances whose OS disk this run replaced, more failed, or fell ill after their success, than "
        "maxUnhealthyUpgradedInstancePercent allows. A failed instance stays in the count when it is restored; "
        "only a successful retry takes it out. The run stopped at the end of that batch.",
        "Read what the first failed instance's probe and extensions said: rollset events SET",
        "Bring every touched instance back to the previous image: rollset rollback SET",
        "If the image is bad, keep it from being taken as latest: rollset image exclude REFERENCE",
        "If the instance is to blame, and not the image: rollset retry SET ID",
        source=_RECORDED,
        message=error_texts.upgraded("<P>", "<T>", "<error>", "<id>"),
    ),
    _entry(
        ErrorCode.IN_PROGRESS_WITH_FAILED,
        "instances failed while the upgrade is live",
        "A notice on a live upgrade, no end: one or more instances failed. Its message gives the share of unhealthy "
        "upgraded instances, the threshold, and whether the run goes on or stops at the end of this batch.",
        "Let nothing more begin while you look: rollset pause SET",
        "See the failed instances: rollset show SET",
        "Try one again: rollset retry SET ID; go on: rollset resume SET; go back: rollset rollback SET",
    ),
    _entry(
        ErrorCode.TIMEOUT,
        "the upgrade took longer than its limit",
        "Time in which the engine observed the set, pauses and a delayed start left out, went above upgradeTimeout "
        "(24 h unless said otherwise). What had begun was finished, nothing else began; upgraded instances stay.",
        "See what it waited for: rollset events SET",
        "Go on with what is left and a longer limit: rollset start SET --timeout 48h",
    ),
    _entry(
        ErrorCode.INTERNAL,
        "an unexpected error",
        "Something failed that has no code of its own; the message gives the cause as the fleet or the engine saw it.",
        "Read the cause: rollset explain SET",
        "Look at the engine, its store and this machine: rollset doctor",
        "Then try the instance again: rollset retry SET ID",
    ),
    _entry(
        ErrorCode.INSTANCE_UNHEALTHY,
        "one instance was unhealthy",
        "A detail of another error, one for each instance: it did not become healthy within the health window after "
        "its OS disk was replaced (5 minutes unless said otherwise), or it was found unhealthy.",
        "Its probe's last answer and its extensions' output: rollset show SET",
        "If it only needs longer: rollset start SET --health-window 10m",
        "Try it again: rollset retry SET ID",
        source=_RECORDED,
        message=error_texts.instance_unhealthy(),
    ),
    _entry(
        ErrorCode.OUTSIDE_WINDOWS,
        "the maintenance window was over",
        "A batch was to begin outside the scheduled windows of automatic OS upgrades. Azure looks when a batch begins; "
        "a batch in flight is not cut. The run goes on in the next window. Read here from Azure's answers only.",
        "Wait for the next window, or widen it in the maintenance configuration (Azure: at least 5 hours).",
        source=_THREADS,
        message=error_texts.OUTSIDE_WINDOWS,
    ),
    _entry(
        ErrorCode.EXTENSION,
        "an extension failed",
        "An extension of the instance ended with an exit code that is not 0, did not end within its time, or could not "
        "be begun (a file of fileUris is missing). It runs once after every replaced OS disk.",
        "Its exit code and the last line it wrote: rollset events SET; all that was kept of its output, also of a disk "
        "that was restored since: rollset events SET --json",
        "Correct the script, then: rollset retry SET ID",
        "An expired credential fails every instance alike: renew it where the script reads it, then retry.",
        source=_THREADS,
    ),
    _entry(
        ErrorCode.OPERATION_NOT_ALLOWED,
        "not allowed in this state",
        "The command was understood, but the present state refuses it: no upgrade to cancel, another one live, a set "
        "with two health sources. The message says which. Nothing was changed.",
        "See the present state: rollset status SET",
        source=_THREADS,
        message=error_texts.NOTHING_TO_CANCEL,
    ),
    _entry(
        ErrorCode.BAD_REQUEST,
        "the model cannot be used as a whole",
        "Fields that are fine by themselves contradict each other, such as mode Rolling without a health probe and "
        "without the health extension. Nothing was changed.",
        "Give networkProfile.healthProbe or the application health extension, never both, and apply again.",
        source=_THREADS,
        message=error_texts.NO_HEALTH_SOURCE_FOR_ROLLING,
    ),
    _entry(
        ErrorCode.INVALID_PARAMETER,
        "a value cannot be used",
        "A field or an option has a value outside its limits or of the wrong kind, or a name that nobody knows. The "
        "message names the file, the field, the value and what it must be. Nothing was changed.",
        "Correct what the message names and send it again.",
        source=_THREADS,
    ),
    _entry(
        ErrorCode.NOT_FOUND,
        "not found",
        "No scale set, instance, image, upgrade or policy has that name; the message lists those that exist.",
        "Scale sets: rollset sets. Images: rollset image list. Upgrades: rollset history.",
        source=_THREADS,
    ),
    _entry(
        ErrorCode.CONFLICT,
        "it has changed since you looked",
        "Another command or the upgrade itself moved the state on, or the name stands for other content already "
        "(an image version never changes). Nothing was changed.",
        "Look again, then decide: rollset status SET",
        source=_THREADS,
    ),
    _entry(
        ErrorCode.DEPLOYMENT_FAILURE,
        "a deployment failed",
        "A wrapper of Azure's deployments: the code that matters is in its details.",
        "Explain the code in its details: rollset explain CODE",
        source=_THREADS,
        message="The resource operation completed with terminal provisioning state 'Failed'.",
    ),
    _entry(
        ErrorCode.ALLOCATION_FAILED,
        "no capacity for the instance",
        "Azure had no room for the instance; inside an upgrade it shows as the most impactful error of a health "
        "breach, not as an error of its own.",
        "Try another size, zone or time; then rollset retry SET ID",
        source=_THREADS,
        message="Allocation failed.",
    ),
    _entry(
        ErrorCode.NETWORKING_INTERNAL,
        "a network operation failed",
        "A fault of Azure's network layer below one instance, mostly a passing one.",
        "Try the instance again: rollset retry SET ID",
        source=_THREADS,
    ),
)

CATALOGUE: dict[ErrorCode, CodeEntry] = {entry.code: entry for entry in _ENTRIES}


def find_codes(beginning: str) -> list[CodeEntry]:
    """Entries whose code begins so, in any case; an exact code alone."""
    wanted = beginning.strip().lower()
    exact = [entry for entry in _ENTRIES if entry.code.value.lower() == wanted]
    return exact or [entry for entry in _ENTRIES if wanted and entry.code.value.lower().startswith(wanted)]
