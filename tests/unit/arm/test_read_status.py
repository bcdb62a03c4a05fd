"""Azure's answers, official examples and recorded ones, are read leniently; what we write is read back."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.arm import azure_records
from engine.arm import read_status as read
from engine.arm.instance_view import set_instance_view, virtual_machine, virtual_machine_view
from engine.arm.times import parse_time
from engine.arm.write_status import history, os_upgrade_history_item, rolling_upgrade_status
from engine.model.codes import ApiError, ErrorCode, ErrorDetail
from engine.model.counters import Counters
from engine.model.errors import InputError
from engine.model.health import Health
from engine.model.image import ImageReference
from engine.model.policy import RollingUpgradePolicy, RunSettings
from engine.model.scale_set import Extension, ExtensionResult, Instance, ScaleSet, ScaleSetModel
from engine.model.upgrade import Outcome, Upgrade

DATA = Path(__file__).parents[2] / "data" / "azure"
IMAGE = ImageReference("contoso", "web", "stable", "1.1.0")


def load(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text())


def example(name: str) -> Any:
    return load(name)["responses"]["200"]["body"]


def test_a_status_of_powershell_in_pascal_case_and_without_properties_is_read() -> None:
    status = read.read_rolling_upgrade_status(load("rollingUpgrade_latest_Faulted_before_upgrade")["body"], "latest")

    properties = status.properties
    assert properties.running_status is not None and properties.error is not None and properties.policy is not None
    assert properties.running_status.code == "Faulted"
    assert properties.error.code == ErrorCode.UNHEALTHY_BEFORE
    assert [d.target for d in properties.error.details] == [f"nt1/virtualMachines/{i}" for i in range(3)]
    assert properties.policy.enable_cross_zone_upgrade is None
    assert properties.policy.max_batch_instance_percent == 20


def test_a_status_of_the_command_line_is_read_and_its_action_may_lie_before_its_start() -> None:
    status = read.read_rolling_upgrade_status(load("rollingUpgrade_latest_RollingForward")["body"], "latest")

    running, progress = status.properties.running_status, status.properties.progress
    assert running is not None and progress is not None
    assert running.start_time is not None and running.last_action_time is not None
    assert running.last_action_time < running.start_time
    assert (progress.successful_instance_count, progress.in_progress_instance_count) == (8, 2)
    assert status.location == "eastus"


def test_a_status_with_nothing_to_do_has_four_zeros_and_no_error() -> None:
    status = read.read_rolling_upgrade_status(load("rollingUpgrade_latest_Completed_noop")["body"], "latest")

    assert status.properties.progress == azure_records.Progress()
    assert status.properties.error is None


@pytest.mark.parametrize("size", ("MaximumSet", "MinimumSet"))
def test_the_official_examples_of_a_status_are_read(size: str) -> None:
    status = read.read_rolling_upgrade_status(example(f"VirtualMachineScaleSetRollingUpgrade_GetLatest_{size}_Gen"), "")

    assert status.location
    assert (status.properties.running_status is None) == (size == "MinimumSet")


@pytest.mark.parametrize("size", ("MaximumSet", "MinimumSet"))
def test_the_official_examples_of_the_history_are_read(size: str) -> None:
    items = read.read_os_upgrade_history(example(f"VirtualMachineScaleSet_GetOSUpgradeHistory_{size}_Gen"), "history")

    assert len(items) == 1
    assert (items[0].properties.started_by is None) == (size == "MinimumSet")


def test_the_documents_completed_time_stands_for_the_end_even_before_the_start() -> None:
    (item,) = read.read_os_upgrade_history(load("osUpgradeHistory_doc_example")["body"], "history")

    running = item.properties.running_status
    assert running is not None and running.start_time is not None and running.ended_at is not None
    assert running.ended_at == parse_time("2018-04-21T12:29:25.0511245+00:00")
    assert running.ended_at < running.start_time


def test_a_history_as_a_bare_list_with_a_null_end_is_read() -> None:
    (item,) = read.read_os_upgrade_history(load("osUpgradeHistory_Completed")["body"], "history")

    assert item.properties.running_status is not None and item.properties.running_status.ended_at is None
    assert item.properties.target_image_reference is not None
    assert item.properties.target_image_reference.version == "20348.1787.230621"
    assert item.properties.rollback_info == azure_records.RollbackInfo()


def test_the_official_example_of_a_sets_instance_view_is_read() -> None:
    view = read.read_set_instance_view(example("VirtualMachineScaleSet_GetInstanceView_MaximumSet_Gen"), "view")

    assert view.virtual_machine is not None
    assert view.virtual_machine.statuses_summary[0].count == 21
    assert view.orchestration_services[0].service_state == "NotRunning"


def test_the_official_example_of_a_list_of_machines_is_read() -> None:
    (machine,) = read.read_machines(example("VirtualMachineScaleSetVM_List_MaximumSet_Gen"), "list")

    view = machine.properties.instance_view
    assert machine.instance_id and machine.properties.vm_id == "42af9fdf-b906-4ad7-9905-8316209ff619"
    assert view is not None and view.platform_update_domain is not None


@pytest.mark.parametrize("name", ("WithLifecycleHookState", "AutoPlacedOnDedicatedHostGroup"))
def test_the_official_examples_of_a_machines_view_are_read_with_null_lists_times_and_messages(name: str) -> None:
    separator = "_" if name.startswith("With") else ""
    view = read.read_machine_view(example(f"VirtualMachineScaleSetVM_Get_InstanceView{separator}{name}"), "view")

    assert view.extensions == ()
    assert view.health is None
    assert "PowerState/running" in [s.code for s in view.statuses]
    assert (view.lifecycle_hook_state is not None) == (name == "WithLifecycleHookState")


def test_custom_metrics_are_among_the_substatuses() -> None:
    view = read.read_machine_view(load("vm_instanceView_custom_metrics")["body"], "view")

    (found,) = view.extensions[0].substatuses
    assert found.code == "ComponentStatus/CustomMetrics/succeeded"
    assert json.loads(found.message or "")["rollingUpgrade"]["PhaseOrderingNumber"] == 2


def test_recorded_operations_are_read_the_failed_one_too() -> None:
    running = read.read_operation(load("trace_operation_InProgress_body")["responseBody"], "operation")
    exchanges = load("trace_osRollingUpgrade_failed_and_cancel_409")["exchanges"]
    failed = read.read_operation(exchanges[2]["responseBody"], "operation")

    assert running.status == "InProgress" and running.error is None
    assert running.start_time == parse_time("2020-11-23T19:36:14.4157338Z")
    assert failed.status == "Failed" and failed.error is not None and failed.end_time is not None
    assert failed.error.code == ErrorCode.UNHEALTHY_DURING


def test_a_recorded_refusal_is_read_in_its_envelope() -> None:
    refusal = load("trace_osRollingUpgrade_failed_and_cancel_409")["exchanges"][3]["responseBody"]

    error = read.read_error(refusal, "cancel")
    assert (error.code, error.message) == ("OperationNotAllowed", "There is no ongoing Rolling Upgrade to cancel.")


def test_every_quoted_error_is_read_without_its_envelope() -> None:
    for quoted in load("error_bodies")["errors"]:
        error = read.read_error({"code": quoted["code"], "message": quoted["message"]}, "error")
        assert (error.code, error.message) == (quoted["code"], quoted["message"])


def test_codes_and_fields_that_came_later_are_no_error() -> None:
    body = {"properties": {"runningStatus": {"code": "RollingSideways", "newField": {"deep": [1]}}, "more": 1}}

    status = read.read_rolling_upgrade_status(body, "latest")
    assert status.properties.running_status is not None
    assert status.properties.running_status.code == "RollingSideways"


@pytest.mark.parametrize(
    "body",
    (
        None,
        [],
        "x",
        {"properties": []},
        {"properties": {"progress": {"pendingInstanceCount": "\x1b[31mmany"}}},
        {"properties": {"runningStatus": {"startTime": "yester\u202eday"}}},
        {"properties": {"runningStatus": {"startTime": 7}}},
    ),
)
def test_an_answer_that_is_none_is_one_clear_error(body: object) -> None:
    with pytest.raises(InputError) as refusal:
        read.read_rolling_upgrade_status(body, "GET latest")

    assert refusal.value.message.startswith("GET latest: ")
    assert str(refusal.value).isprintable()


def test_a_list_answer_without_a_list_is_refused() -> None:
    with pytest.raises(InputError, match="no list in `value`"):
        read.read_machines({"value": {}}, "list")


def faulted() -> Upgrade:
    error = ApiError(
        ErrorCode.UNHEALTHY_UPGRADED,
        "100% of instances",
        "web",
        (ErrorDetail(ErrorCode.INSTANCE_UNHEALTHY, "web/virtualMachines/3", "Instance found to be unhealthy."),),
    )
    policy = RollingUpgradePolicy(max_batch_instance_percent=10, pause_between_batches_s=90)
    return Upgrade(
        "u", "k", "web", RunSettings(policy), IMAGE, "d", (), IMAGE, "User", "ana", "", 1.5, 0.0,
        outcome=Outcome.FAULTED, error=error, ended_at=61.25,
    )  # fmt: skip


def scale_set() -> ScaleSet:
    instance = Instance(
        "3", "2", 4, 0, IMAGE, "d", "7", 10.0, protected_from_actions=True, health=Health.UNHEALTHY,
        health_detail="HTTP 503", health_since_at=12.0, extensions=(ExtensionResult("script", 3, "out", "err", 11.0),),
    )  # fmt: skip
    model = ScaleSetModel(IMAGE, extensions=(Extension("script", "Microsoft.Azure.Extensions", "CustomScript", "2.1"),))
    return ScaleSet("k", "/K", "web", "westeurope", "Local", 1, model, instances={"3": instance})


def test_our_status_is_read_back_as_it_was_meant() -> None:
    status = read.read_rolling_upgrade_status(rolling_upgrade_status(faulted(), scale_set(), Counters(1, 2)), "ours")

    found = status.properties
    assert found.policy is not None and found.error is not None and found.running_status is not None
    assert found.policy.max_batch_instance_percent == 10
    assert found.policy.pause_time_between_batches == "PT1M30S"
    assert (found.running_status.code, found.running_status.last_action) == ("Faulted", "Start")
    assert found.running_status.start_time == 1.5
    assert found.error.details[0].target == "web/virtualMachines/3"
    assert status.location == "westeurope"


def test_our_history_is_read_back_as_it_was_meant() -> None:
    ours = history([os_upgrade_history_item(faulted(), scale_set(), Counters(1, 2))])
    (item,) = read.read_os_upgrade_history(ours, "ours")

    assert item.properties.started_by == "User"
    assert item.properties.running_status is not None and item.properties.running_status.ended_at == 61.25
    assert item.properties.target_image_reference is not None
    assert item.properties.target_image_reference.version == "1.1.0"


def test_our_machine_is_read_back_as_it_was_meant() -> None:
    fleet = scale_set()
    (machine,) = read.read_machines({"value": [virtual_machine(fleet, fleet.instances["3"])]}, "ours")

    view = machine.properties.instance_view
    assert view is not None and machine.properties.protection_policy is not None
    assert (machine.instance_id, machine.zones) == ("3", ("2",))
    assert (view.health, view.platform_update_domain) == ("unhealthy", 4)
    assert view.extensions[0].type == "Microsoft.Azure.Extensions.CustomScript"
    assert view.extensions[0].statuses[0].code == "ProvisioningState/failed/3"
    assert machine.properties.protection_policy.protect_from_scale_set_actions is True
    assert machine.properties.time_created == 10.0
    assert read.read_machine_view(virtual_machine_view(fleet, fleet.instances["3"]), "ours") == view


def test_our_set_instance_view_is_read_back_as_it_was_meant() -> None:
    fleet = scale_set()
    waiting = replace(fleet.instances["3"], instance_id="4", provisioned=False, extensions=())
    view = read.read_set_instance_view(
        set_instance_view(replace(fleet, instances={**fleet.instances, "4": waiting})), ""
    )

    assert view.virtual_machine is not None
    counted = {s.code: s.count for s in view.virtual_machine.statuses_summary}
    assert counted == {"ProvisioningState/succeeded": 1, "ProvisioningState/creating": 1}
    assert view.extensions[0].statuses_summary[0].code == "ProvisioningState/failed"
