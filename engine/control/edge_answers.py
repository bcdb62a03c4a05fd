"""What comes out of the door: the answers a client may rely on. Answers may hold more than is named here."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from engine.control.edge_types import EdgeType

At = Annotated[float, Field(description="Unix seconds.")]


class Answer(EdgeType):
    model_config = ConfigDict(extra="allow")


class ErrorBody(EdgeType):
    code: Annotated[str, Field(description="Stable; Azure's own where there is one.")]
    message: str
    next_step: str
    exit_code: Annotated[int, Field(description="2 input, 3 not found, 4 refused, 5 unreachable, 6 not permitted.")]


class ErrorAnswer(EdgeType):
    error: ErrorBody


class ApiErrorBody(Answer):
    code: str
    message: str
    target: str | None = None
    details: list[dict[str, Any]] = []
    shares: Annotated[
        dict[str, Any] | None, Field(description="Ours: the numbers of both limits when one of them was broken.")
    ] = None


class BlockedBy(Answer):
    kind: str
    words: str
    since_at: At | None = None
    until_at: At | None = None


class Counters(Answer):
    """Azure's four counters, and beside them those that are in no batch; together the whole set."""

    successful: int
    failed: int
    inProgress: int
    pending: int
    alreadyCurrent: int
    protected: int
    held: int
    skipped: int
    gone: int


class Halt(Answer):
    """While it stands, no upgrade begins and none goes on forward."""

    by: str
    since_at: At
    reason: str


class UpgradeSummary(Answer):
    id: str
    scale_set: str
    scale_set_name: str
    state: str
    azure_code: str
    target: str
    previous: str
    counters: Counters
    rolled_back: Annotated[int, Field(description="Of the failed, those that a rollback brought back.")]
    takes_pending: Annotated[bool, Field(description="Whether those that have not begun may still have their turn.")]
    goes_back: Annotated[bool, Field(description="Whether it goes, or went, back to `previous`: no limit stops that.")]
    pause_after_batch: Annotated[bool, Field(description="Whether it pauses after this batch, as a step asked.")]
    total: int
    percent: float
    batch: int
    batches: int
    blocked_by: BlockedBy | None
    error: ApiErrorBody | None
    notice: ApiErrorBody | None
    holds: list[dict[str, Any]]
    started_at: At
    ended_at: At | None
    started_by: str
    actor: str
    reason: str
    rollback_of: Annotated[str | None, Field(description="The ended upgrade whose instances this one takes back.")]
    version: Annotated[int, Field(description="Goes up with what an operator decides on; give it as seen_version.")]


class SetSummary(Answer):
    name: str
    key: str
    location: str
    fleet: str
    capacity: int
    instances: int
    healthy: int
    unhealthy: int
    waiting: Annotated[int, Field(description="Instances whose health is not known yet.")]
    image: str
    production: bool
    warnings: list[str]
    upgrade: UpgradeSummary | None


class SetsAnswer(Answer):
    sets: list[SetSummary]
    head: int
    halt: Halt | None


class AzureAndOurs(Answer):
    """Azure's shape under `azure`, ours beside it."""

    azure: dict[str, Any]
    ours: dict[str, Any]


class UpgradeAnswer(Answer):
    azure: dict[str, Any]
    ours: UpgradeSummary
    halt: Halt | None


class HistoryAnswer(Answer):
    azure: dict[str, Any]
    ours: list[UpgradeSummary]
    gaps: Annotated[list[dict[str, Any]], Field(description="Times in which no engine ran.")]


class PlanAnswer(Answer):
    plan: dict[str, Any]


class RehearsalBody(Answer):
    """Times are seconds from the start; `stop_counts` says for each batch how many failed instances stop it there."""

    state: str
    waits_for: str
    took_s: float
    low_s: float | None
    high_s: float | None
    batches: list[dict[str, Any]]
    stop_counts: list[dict[str, Any]]
    stopped: dict[str, Any] | None
    error: ApiErrorBody | None


class RehearsalAnswer(Answer):
    rehearsal: RehearsalBody
    recording: list[str] = []


class ImagesAnswer(Answer):
    images: list[dict[str, Any]]


class PoliciesAnswer(Answer):
    policies: list[dict[str, Any]]


class EventLine(Answer):
    """One event: its place in the log, who did it, one sentence, and its body."""

    seq: int
    stream: str
    stream_seq: int
    type: str
    at: At
    clock: Annotated[float, Field(description="Seconds that engines have observed.")]
    epoch: int
    actor: str
    cause: str
    words: str
    body: dict[str, Any]


class TimelineAnswer(Answer):
    """Oldest first."""

    events: list[EventLine]


class RunAnswer(Answer):
    """One upgrade's whole record, and the events that turned it: commands, holds, batches, limits, the end."""

    upgrade: dict[str, Any]
    counters: dict[str, int]
    members_known: bool
    events: list[EventLine]


class AuditAnswer(Answer):
    entries: list[EventLine]


class AuditVerified(Answer):
    ok: bool
    entries: int
    unchained: int
    hash: str
    first_bad: dict[str, Any] | None


class ExplainAnswer(Answer):
    title: str
    words: list[str]


class DoctorAnswer(Answer):
    checks: list[dict[str, Any]]


class EngineAnswer(Answer):
    pid: int
    version: str
    started_at: At
    epoch: int
    head: int
    sets: int
    live_upgrades: int
    halt: Halt | None


class AttachedPerson(Answer):
    user: str
    role: str
    origin: str
    streams: int
    since_at: At


class PresenceAnswer(Answer):
    attached: list[AttachedPerson]


class StartAnswer(Answer):
    upgrade: UpgradeSummary
    warnings: list[str]


class Message(Answer):
    message: str


class HaltAnswer(Answer):
    """A command that was carried out before under the same key answers its message alone."""

    message: str
    halt: Halt | None = None
    paused: Annotated[list[str], Field(description="Sets whose live upgrade was paused by this.")] = []


class LiftHaltAnswer(Answer):
    """A command that was carried out before under the same key answers its message alone."""

    message: str
    lifted: Halt | None = None
    paused: Annotated[list[str], Field(description="Sets whose live upgrade stays paused until it is resumed.")] = []


ANSWERS: dict[str, type[EdgeType]] = {
    "audit": AuditAnswer,
    "audit-verify": AuditVerified,
    "doctor": DoctorAnswer,
    "engine": EngineAnswer,
    "explain": ExplainAnswer,
    "history": HistoryAnswer,
    "images": ImagesAnswer,
    "plan": PlanAnswer,
    "policies": PoliciesAnswer,
    "presence": PresenceAnswer,
    "rehearse": RehearsalAnswer,
    "run": RunAnswer,
    "set": AzureAndOurs,
    "sets": SetsAnswer,
    "status": UpgradeAnswer,
    "timeline": TimelineAnswer,
    "upgrade": UpgradeAnswer,
}
COMMAND_ANSWERS: dict[str, type[EdgeType]] = {
    "start": StartAnswer,
    "apply": Answer,
    "backup": Answer,
    "export": Answer,
    "image-publish": Answer,
    "image-exclude": Answer,
    "image-include": Answer,
    "halt": HaltAnswer,
    "lift-halt": LiftHaltAnswer,
}
"""Commands whose answer is more, or other, than a message."""
