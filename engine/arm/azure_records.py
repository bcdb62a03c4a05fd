"""Azure's answers as types, read leniently.

Field names are compared without case (PowerShell prints PascalCase), `properties` may be flattened away (the command
lines do), unknown fields are dropped, an unknown member of an enum stays a text, and any field may be null or absent.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, BeforeValidator, ConfigDict, model_validator
from pydantic.alias_generators import to_camel

from engine.arm.times import parse_time
from engine.model.errors import InputError


def _time(value: object) -> float | None:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError("not a time")
    try:
        return parse_time(value)
    except InputError as error:
        raise ValueError(error.message) from None


Time = Annotated[float | None, BeforeValidator(_time)]
Count = Annotated[int, BeforeValidator(lambda value: 0 if value is None else value)]


def _list(value: object) -> object:
    return () if value is None else value


class AzureRecord(BaseModel):
    """A part of an answer; times are Unix seconds."""

    model_config = ConfigDict(alias_generator=to_camel, populate_by_name=True, frozen=True, extra="ignore")

    @model_validator(mode="before")
    @classmethod
    def _names_without_case(cls, data: object) -> object:
        if not isinstance(data, dict):
            return data
        known = {(field.alias or name).lower(): field.alias or name for name, field in cls.model_fields.items()}
        renamed = {known.get(str(name).lower(), str(name)): value for name, value in data.items()}
        if "properties" in known and "properties" not in renamed:
            renamed["properties"] = data
        return renamed


class AzureErrorDetail(AzureRecord):
    code: str | None = None
    target: str | None = None
    message: str | None = None


class AzureError(AzureErrorDetail):
    details: Annotated[tuple[AzureErrorDetail, ...], BeforeValidator(_list)] = ()


class RunningStatus(AzureRecord):
    """`code` is RollingForward, RollingBack, Cancelled, Completed, Faulted, or one that came later."""

    code: str | None = None
    start_time: Time = None
    last_action: str | None = None
    last_action_time: Time = None
    end_time: Time = None
    completed_time: Time = None

    @property
    def ended_at(self) -> float | None:
        """`endTime`, or `completedTime` of the documentation's sample; it may lie before the start."""
        return self.end_time if self.end_time is not None else self.completed_time


class Progress(AzureRecord):
    successful_instance_count: Count = 0
    failed_instance_count: Count = 0
    in_progress_instance_count: Count = 0
    pending_instance_count: Count = 0


class Policy(AzureRecord):
    max_batch_instance_percent: int | None = None
    max_unhealthy_instance_percent: int | None = None
    max_unhealthy_upgraded_instance_percent: int | None = None
    pause_time_between_batches: str | None = None
    enable_cross_zone_upgrade: bool | None = None
    prioritize_unhealthy_instances: bool | None = None
    rollback_failed_instances_on_policy_breach: bool | None = None
    max_surge: bool | None = None


class RollingUpgradeProperties(AzureRecord):
    policy: Policy | None = None
    running_status: RunningStatus | None = None
    progress: Progress | None = None
    error: AzureError | None = None


class RollingUpgradeStatus(AzureRecord):
    """`rollingUpgrades/latest`."""

    properties: RollingUpgradeProperties
    id: str | None = None
    name: str | None = None
    type: str | None = None
    location: str | None = None


class TargetImage(AzureRecord):
    publisher: str | None = None
    offer: str | None = None
    sku: str | None = None
    version: str | None = None
    exact_version: str | None = None
    id: str | None = None
    shared_gallery_image_id: str | None = None
    community_gallery_image_id: str | None = None


class RollbackInfo(AzureRecord):
    successfully_rolledback_instance_count: Count = 0
    failed_rolledback_instance_count: Count = 0
    rollback_error: AzureError | None = None


class HistoryProperties(AzureRecord):
    running_status: RunningStatus | None = None
    progress: Progress | None = None
    error: AzureError | None = None
    started_by: str | None = None
    target_image_reference: TargetImage | None = None
    rollback_info: RollbackInfo | None = None


class HistoryItem(AzureRecord):
    """One upgrade of `osUpgradeHistory`."""

    properties: HistoryProperties
    type: str | None = None
    location: str | None = None


class Status(AzureRecord):
    code: str | None = None
    level: str | None = None
    display_status: str | None = None
    message: str | None = None
    time: Time = None


class StatusCount(AzureRecord):
    code: str | None = None
    count: Count = 0


Statuses = Annotated[tuple[Status, ...], BeforeValidator(_list)]
Summary = Annotated[tuple[StatusCount, ...], BeforeValidator(_list)]


class ExtensionSummary(AzureRecord):
    name: str | None = None
    statuses_summary: Summary = ()


class VirtualMachineSummary(AzureRecord):
    statuses_summary: Summary = ()


class OrchestrationService(AzureRecord):
    service_name: str | None = None
    service_state: str | None = None


class SetInstanceView(AzureRecord):
    """A scale set's `instanceView`."""

    virtual_machine: VirtualMachineSummary | None = None
    extensions: Annotated[tuple[ExtensionSummary, ...], BeforeValidator(_list)] = ()
    statuses: Statuses = ()
    orchestration_services: Annotated[tuple[OrchestrationService, ...], BeforeValidator(_list)] = ()


class ExtensionView(AzureRecord):
    name: str | None = None
    type: str | None = None
    type_handler_version: str | None = None
    statuses: Statuses = ()
    substatuses: Statuses = ()


class MachineHealth(AzureRecord):
    status: Status | None = None


class MachineView(AzureRecord):
    """The `instanceView` of one virtual machine."""

    platform_update_domain: int | None = None
    platform_fault_domain: int | None = None
    placement_group_id: str | None = None
    computer_name: str | None = None
    vm_health: MachineHealth | None = None
    extensions: Annotated[tuple[ExtensionView, ...], BeforeValidator(_list)] = ()
    statuses: Statuses = ()
    lifecycle_hook_state: str | None = None

    @property
    def health(self) -> str | None:
        """`healthy` of the code `HealthState/healthy`; None where the set has no health source."""
        code = self.vm_health.status.code if self.vm_health and self.vm_health.status else None
        return code.rpartition("/")[2].lower() if code else None


class ProtectionPolicy(AzureRecord):
    protect_from_scale_in: bool | None = None
    protect_from_scale_set_actions: bool | None = None


class MachineProperties(AzureRecord):
    latest_model_applied: bool | None = None
    vm_id: str | None = None
    provisioning_state: str | None = None
    protection_policy: ProtectionPolicy | None = None
    instance_view: MachineView | None = None
    time_created: Time = None


class Machine(AzureRecord):
    """One item of a set's list of virtual machines."""

    instance_id: str
    properties: MachineProperties
    name: str | None = None
    id: str | None = None
    location: str | None = None
    zones: Annotated[tuple[str, ...], BeforeValidator(_list)] = ()


class Operation(AzureRecord):
    """The body of a long-running operation; a failed one is answered with HTTP 200."""

    status: str
    name: str | None = None
    start_time: Time = None
    end_time: Time = None
    error: AzureError | None = None
