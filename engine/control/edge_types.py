"""What goes in through the door: the arguments of every command and query, for the OpenAPI document and its tests."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=4096, description="A scale set's name, or its resource id.")]
InstanceId = Annotated[str, Field(min_length=1, max_length=4096, description="An instance id of the set.")]
Seconds = Annotated[float, Field(description="Seconds.")]
At = Annotated[float, Field(description="Unix seconds.")]


class EdgeType(BaseModel):
    """A JSON object at the door. In a query and in an answer, what is not named here is not looked at."""

    model_config = ConfigDict(extra="ignore")


class Command(EdgeType):
    """Every command may say why, by which key a repeat is known, and which version of the upgrade its caller saw.

    What it does not take is refused.
    """

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[str | None, Field(max_length=4096, description="Why; kept in the audit log.")] = None
    key: Annotated[str | None, Field(description="Idempotency key: the same key never acts twice.")] = None
    confirm: Annotated[str | None, Field(description="The set's name, for a set tagged environment=production.")] = None
    seen_version: Annotated[int | None, Field(description="Refused when the upgrade has moved on since.")] = None


class OnSet(Command):
    set: Name


class OnInstance(OnSet):
    instance: InstanceId


class OnInstances(OnSet):
    instances: list[InstanceId] = []


class Apply(Command):
    documents: Annotated[list[dict[str, Any]], Field(description="ARM resources, or policies of ours.")]
    files: Annotated[list[str], Field(description="For messages: the file of each document.")] = []
    file: Annotated[str | None, Field(description="For messages: the file of all documents.")] = None


class PolicyDelete(Command):
    name: str


class ImagePublish(Command):
    path: Annotated[str, Field(description="A directory or tar archive, absolute, on the engine's machine.")]
    reference: Annotated[str, Field(description="publisher:offer:sku:version")]


class ImageExclusion(Command):
    reference: Annotated[str, Field(description="publisher:offer:sku:version")]


class RunSettings(EdgeType):
    """What holds for one run only; the set's rolling upgrade policy gives the rest."""

    to: Annotated[str | None, Field(description="The image version to go to.")] = None
    batch: Annotated[str | None, Field(description="Instances in a batch, as `3`, or percent, as `20%`.")] = None
    pause_between_batches: Annotated[str | None, Field(description="ISO 8601, as PT10M.")] = None
    max_unhealthy: Annotated[int | None, Field(description="Percent of the whole set.")] = None
    max_unhealthy_upgraded: Annotated[int | None, Field(description="Percent of the upgraded.")] = None
    restore_failed: Literal["always", "on_breach", "never", "azure"] | None = None
    health_window: Seconds | None = None
    timeout: Seconds | None = None
    step: Annotated[bool, Field(description="One batch, then pause.")] = False
    at: At | None = None


class Start(OnSet, RunSettings):
    plan: Annotated[dict[str, Any] | None, Field(description="A saved plan; refused when the fleet drifted.")] = None


class Hold(OnInstance):
    until: Annotated[At | None, Field(description="Left out: as before, or until it is released.")] = None


class Protect(OnInstance):
    from_actions: bool = False
    from_scale_in: bool = False


class Scale(OnSet):
    capacity: Annotated[int, Field(ge=0)]
    to: Annotated[str | None, Field(description="The image version of new instances.")] = None


class LiftHalt(Command):
    reason: Annotated[str, Field(min_length=1, max_length=4096, description="Why upgrades may go on.")]
    seen_since_at: Annotated[
        float | None, Field(description="When the halt that the caller saw began; another one is not lifted.")
    ] = None


class EngineStop(Command):
    with_instances: Annotated[bool, Field(description="End the local instances too.")] = False


class Backup(Command):
    path: Annotated[str | None, Field(description="An absolute path; the engine's own backups when left out.")] = None


class Export(Command):
    path: Annotated[str, Field(description="An absolute path of a file that does not exist yet.")]


class Nothing(EdgeType):
    """No arguments."""


class NamedSet(EdgeType):
    name: Name


class PlanQuery(RunSettings):
    set: Name


class RehearseQuery(PlanQuery):
    inject: Annotated[
        str,
        Field(
            description="What goes wrong, with `;` between: instances (3,7), a share (10%) or a zone (zone=1) that "
            "never become healthy on the new version, with @5m that are unreachable from then on; engine=90s, "
            "engine=90s@5m."
        ),
    ] = ""
    seed: Annotated[str, Field(description="Another one draws other times and other victims.")] = ""
    recording: Annotated[bool, Field(description="Answer its events too, as the lines of a recording.")] = False


class SetQuery(EdgeType):
    set: Name


class MaybeSetQuery(EdgeType):
    set: Name | None = None


class UpgradeQuery(EdgeType):
    id: Annotated[str, Field(description="An upgrade's id.")]


class AuditQuery(EdgeType):
    limit: Annotated[int, Field(ge=1, le=10_000)] = 200


class ExplainQuery(EdgeType):
    what: Annotated[str, Field(description="The beginning of an error code, an upgrade's id or a set.")]


class EventsQuery(EdgeType):
    after: Annotated[int, Field(ge=0, description="Only events with a greater seq.")] = 0
    scope: Annotated[str, Field(description="all, overview, or a scale set.")] = "all"
    follow: Annotated[Literal["1"] | None, Field(description="Go on with events as they happen.")] = None
    limit: Annotated[int, Field(ge=0, le=100_000)] = 10_000


class TimelineQuery(EdgeType):
    scope: Annotated[str, Field(description="overview, or a scale set.")] = "overview"
    instance: Annotated[str, Field(description="Only events that name this instance of the set.")] = ""
    limit: Annotated[int, Field(ge=1, le=5_000, description="So many of the last ones.")] = 1_000


class RecordingQuery(EdgeType):
    upgrade: Annotated[str, Field(description="An upgrade's id.")]


class SnapshotQuery(EdgeType):
    scope: Annotated[str, Field(description="overview, or a scale set.")] = "overview"


COMMANDS: dict[str, type[Command]] = {
    "accept-loss": OnSet,
    "apply": Apply,
    "backup": Backup,
    "cancel": OnSet,
    "delete": OnSet,
    "engine-hand-over": Command,
    "engine-start": Command,
    "engine-stop": EngineStop,
    "export": Export,
    "halt": Command,
    "hold": Hold,
    "image-exclude": ImageExclusion,
    "image-include": ImageExclusion,
    "image-publish": ImagePublish,
    "lift-halt": LiftHalt,
    "pause": OnSet,
    "policy-delete": PolicyDelete,
    "protect": Protect,
    "release": OnInstance,
    "resume": OnSet,
    "retry": OnInstances,
    "rollback": OnSet,
    "scale": Scale,
    "skip": OnInstances,
    "start": Start,
    "step": OnSet,
}
QUERIES: dict[str, type[EdgeType]] = {
    "audit": AuditQuery,
    "audit-verify": Nothing,
    "doctor": Nothing,
    "engine": Nothing,
    "explain": ExplainQuery,
    "history": MaybeSetQuery,
    "images": Nothing,
    "plan": PlanQuery,
    "policies": Nothing,
    "presence": Nothing,
    "rehearse": RehearseQuery,
    "run": UpgradeQuery,
    "set": NamedSet,
    "sets": Nothing,
    "status": SetQuery,
    "timeline": TimelineQuery,
    "upgrade": UpgradeQuery,
}
