"""What we write has the fields of Azure's own answers; what Azure's examples send is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from engine.arm.instance_view import set_instance_view
from engine.arm.read_scale_set import ScaleSetDocument, read_document, to_scale_set
from engine.arm.write_status import history, os_upgrade_history_item, rolling_upgrade_status
from engine.model.codes import ApiError, ErrorDetail
from engine.model.counters import Counters
from engine.model.errors import InputError
from engine.model.image import ImageReference
from engine.model.policy import RunSettings
from engine.model.upgrade import Outcome, Upgrade

DATA = Path(__file__).parents[2] / "data" / "azure"
IMAGE = ImageReference("p", "o", "s", "1.0.0")


def body(name: str) -> Any:
    return json.loads((DATA / f"{name}.json").read_text())["responses"]["200"]["body"]


def keys(value: Any, path: str = "") -> set[str]:
    if isinstance(value, list):
        return set().union(*(keys(item, f"{path}[]") for item in value)) if value else set()
    if not isinstance(value, dict):
        return set()
    found = set()
    for name, below in value.items():
        found |= {f"{path}.{name}"} | keys(below, f"{path}.{name}")
    return found


def faulted() -> Upgrade:
    error = ApiError("Code", "message", None, (ErrorDetail("c", "t", "m"),))
    return Upgrade(
        "u", "k", "web", RunSettings(), IMAGE, "d", (), IMAGE, "User", "ana", "", 1.0, 0.0,
        outcome=Outcome.FAULTED, error=error,
    )  # fmt: skip


def without_values(found: set[str]) -> set[str]:
    """Azure's tags are free names, and the placeholders fill fields that are null in practice."""
    return {k for k in found if ".tags." not in k and "innererror." not in k and "rollbackError." not in k}


def test_status_has_azures_fields() -> None:
    theirs = without_values(keys(body("VirtualMachineScaleSetRollingUpgrade_GetLatest_MaximumSet_Gen")))
    assert without_values(keys(rolling_upgrade_status(faulted(), None, Counters()))) == theirs


def test_history_has_azures_fields() -> None:
    theirs = without_values(keys(body("VirtualMachineScaleSet_GetOSUpgradeHistory_MaximumSet_Gen")))
    newer = {".value[].properties.targetImageReference.communityGalleryImageId"}  # the example is older than it
    assert without_values(keys(history([os_upgrade_history_item(faulted(), None, Counters())]))) == theirs | newer


@pytest.mark.parametrize(
    "name",
    (
        "VirtualMachineScaleSet_Create_WithAutomaticRepairs",
        "VirtualMachineScaleSet_Create_WithLifecycleHooksProfile",
    ),
)
def test_azures_own_create_examples_are_read(name: str) -> None:
    sent = json.loads((DATA / f"{name}.json").read_text())["parameters"]["parameters"]
    document = read_document({"type": "Microsoft.Compute/virtualMachineScaleSets", "name": "web"} | sent, "create.json")
    assert isinstance(document, ScaleSetDocument)
    scale_set = to_scale_set(document, probes={})
    assert scale_set.capacity == sent["sku"]["capacity"]
    assert scale_set.model.image.publisher == "MicrosoftWindowsServer"
    assert set_instance_view(scale_set)["statuses"][0]["code"] == "ProvisioningState/succeeded"


def test_a_name_azure_does_not_know_is_refused_with_the_nearest_right_one() -> None:
    document = {
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "properties": {"upgradePolicy": {"rollingUpgradePolicy": {"maxBatchPercent": 20}}},
    }
    with pytest.raises(InputError, match=r"maxBatchPercent.*is not a name Azure knows") as refusal:
        read_document(document, "web.json")
    assert "maxBatchInstancePercent" in refusal.value.next_step
