"""Policy documents: read strictly, written back as they were."""

from __future__ import annotations

from typing import Any

import pytest

from engine.arm.read_policy import is_policy, read_policy
from engine.arm.write_policy import policy_document
from engine.model.errors import InputError
from engine.model.policy import RestoreFailed

FULL = {
    "kind": "rollset.policy/v1",
    "name": "webs",
    "scaleSets": ["web-*"],
    "healthWindow": "PT2M",
    "upgradeTimeout": "PT12H",
    "restoreFailed": "on_breach",
    "pauseTimeBetweenBatches": "PT0S",
    "maxBatchInstancePercent": 10,
    "maxUnhealthyInstancePercent": 30,
    "maxUnhealthyUpgradedInstancePercent": 0,
    "previousDiskRetention": "P7D",
}


def test_a_full_policy_is_read_and_written_back() -> None:
    policy = read_policy(FULL, "policy.json")

    assert policy.health_window_s == 120.0
    assert policy.restore_failed is RestoreFailed.ON_BREACH
    assert policy.max_unhealthy_upgraded_instance_percent == 0
    assert policy.previous_disk_retention_s == 7 * 86_400
    assert read_policy(policy_document(policy), "again") == policy


def test_a_policy_without_a_name_is_the_default_one() -> None:
    policy = read_policy({"kind": "rollset.policy/v1", "scaleSets": ["*"]}, "policy.json")

    assert policy.name == "default"
    assert policy.health_window_s is None


@pytest.mark.parametrize(
    ("change", "words"),
    (
        ({"healthWindows": "PT1M"}, "healthWindows is not a name a policy knows; did you mean healthWindow?"),
        ({"kind": "rollset.policy/v2"}, "kind is 'rollset.policy/v2'; it must be rollset.policy/v1"),
        ({"scaleSets": []}, "scaleSets is []; it must be 1 to 1000 names"),
        ({"scaleSets": "web"}, "scaleSets is 'web'; it must be a list of texts"),
        ({"scaleSets": ["we b"]}, "scaleSets[0] is 'we b'"),
        ({"scaleSets": ["*" * 9]}, "scaleSets[0]"),
        ({"name": "../x"}, "name is '../x'"),
        ({"healthWindow": 120}, "healthWindow is 120; it must be an ISO 8601 duration"),
        ({"healthWindow": "PT0S"}, "healthWindow is 'PT0S'; it must be an ISO 8601 duration from PT1S"),
        ({"upgradeTimeout": "P400D"}, "upgradeTimeout is 'P400D'"),
        ({"restoreFailed": "sometimes"}, "restoreFailed is 'sometimes'; it must be one of azure, always"),
        ({"maxBatchInstancePercent": 4}, "maxBatchInstancePercent is 4; it must be a whole number from 5 to 100"),
        ({"maxUnhealthyInstancePercent": True}, "maxUnhealthyInstancePercent is true"),
        ({"maxUnhealthyUpgradedInstancePercent": "20"}, "maxUnhealthyUpgradedInstancePercent is '20'"),
    ),
)
def test_what_does_not_fit_is_one_clear_error(change: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as refusal:
        read_policy(FULL | change, "policy.json")

    assert refusal.value.message.startswith(f"policy.json: {words}")
    assert refusal.value.next_step


def test_only_documents_of_our_kinds_without_a_type_are_policies() -> None:
    assert is_policy(FULL) and is_policy({"kind": "Rollset.Policy/v9"})
    assert not is_policy({"kind": "StorageV2"}) and not is_policy(FULL | {"type": "x"}) and not is_policy([])
