"""A scale set: its model, its instances, and what is known of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from engine.model.health import READ_AS_UNHEALTHY, Health, HealthSource
from engine.model.image import ImageReference
from engine.model.numbers import many
from engine.model.policy import RollingUpgradePolicy


class UpgradeMode(StrEnum):
    AUTOMATIC = "Automatic"
    MANUAL = "Manual"
    ROLLING = "Rolling"


class OrchestrationMode(StrEnum):
    UNIFORM = "Uniform"
    FLEXIBLE = "Flexible"


@dataclass(frozen=True, slots=True)
class Extension:
    """One extension of the model. `settings_json` is its `settings` object as JSON text."""

    name: str
    publisher: str
    type: str
    type_handler_version: str
    settings_json: str = "{}"
    provision_after: tuple[str, ...] = ()
    force_update_tag: str | None = None

    @property
    def is_custom_script(self) -> bool:
        return self.type.lower() in {"customscript", "customscriptextension", "customscriptforlinux"}


@dataclass(frozen=True, slots=True)
class ScaleSetModel:
    """What new disks are made from. `problems` are reasons why no upgrade can start, each in words.

    `extension_budget_s` is Azure's extensionsTimeBudget: for all extensions of an instance together.
    `stated` are the fields of the policy, and `extension_budget_s`, that the model says; the others are defaults.
    """

    image: ImageReference
    health: HealthSource | None = None
    extensions: tuple[Extension, ...] = ()
    policy: RollingUpgradePolicy = field(default_factory=RollingUpgradePolicy)
    stated: tuple[str, ...] = ()
    mode: UpgradeMode = UpgradeMode.MANUAL
    disable_automatic_rollback: bool = False
    data_disks: int = 0
    port: int = 8080
    extension_budget_s: float = 5_400.0
    environment: Mapping[str, str] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def asks_for(self, image: ImageReference) -> bool:
        """Whether a disk from `image` is what this model asks for; `latest` takes whatever version it got."""
        return self.image.is_latest or self.image == image


@dataclass(frozen=True, slots=True)
class InstanceHold:
    """Why an operator keeps an instance out of batches. `until_at` is Unix seconds, None for until released."""

    reason: str
    by: str
    since_at: float
    until_at: float | None = None


@dataclass(frozen=True, slots=True)
class ExtensionResult:
    """What an extension's last run on the present disk gave; output is the bounded tail."""

    name: str
    exit_code: int | None
    stdout: str
    stderr: str
    at: float


@dataclass(frozen=True, slots=True)
class Trying:
    """An instance that is being created, or booted again, and is not there yet: `tries` failed, the last as `why` says.

    `since_at`: Unix seconds of the first try.
    """

    since_at: float
    tries: int = 0
    why: str = ""


@dataclass(frozen=True, slots=True)
class Instance:
    """One instance. `disk` is the fleet's name of the OS disk in use; domains count from 0.

    `trying` on one that is provisioned: it has to be booted again. `stopped_by`: who ended it together with the engine;
    it stays down until somebody asks for it.
    """

    instance_id: str
    zone: str
    update_domain: int
    fault_domain: int
    image: ImageReference
    digest: str
    disk: str
    created_at: float
    latest_model_applied: bool = True
    protected_from_actions: bool = False
    protected_from_scale_in: bool = False
    hold: InstanceHold | None = None
    running: bool = True
    provisioned: bool = True
    health: Health = Health.NOT_OBSERVED
    health_since_at: float = 0.0
    health_detail: str = ""
    address: str = ""
    previous_disk: str | None = None
    previous_image: ImageReference | None = None
    disk_since_at: float = 0.0
    extensions: tuple[ExtensionResult, ...] = ()
    trying: Trying | None = None
    stopped_by: str = ""

    @property
    def wants_act(self) -> bool:
        """Whether it has still to be created, or has to be booted again."""
        return not self.provisioned or self.trying is not None

    @property
    def extension_failed(self) -> bool:
        """Whether an extension did not succeed on the present disk: the model is then not wholly applied."""
        return any(result.exit_code != 0 for result in self.extensions)

    @property
    def is_unhealthy(self) -> bool:
        """Azure's rolling upgrade reads Unhealthy and Unknown alike."""
        return self.health in READ_AS_UNHEALTHY


def is_on(instance: Instance, image: ImageReference, digest: str) -> bool:
    """Whether the instance's OS disk was made from exactly this version with this content."""
    return instance.image.version == image.version and instance.digest == digest


@dataclass(frozen=True, slots=True)
class ScaleSet:
    """One scale set as the engine knows it. `key` is its lower-cased ARM resource id.

    `created_clock` is the engine's clock when it was first applied: one that was deleted before under the same key is
    another set. 0 in one made before this was noted.
    """

    key: str
    resource_id: str
    name: str
    location: str
    sku: str
    capacity: int
    model: ScaleSetModel
    model_version: int = 1
    zones: tuple[str, ...] = ()
    fault_domains: int = 5
    orchestration: OrchestrationMode = OrchestrationMode.UNIFORM
    fleet: str = "local"
    tags: Mapping[str, str] = field(default_factory=dict)
    document: str = "{}"
    instances: Mapping[str, Instance] = field(default_factory=dict)
    next_instance: int = 0
    blocked_versions: tuple[str, ...] = ()
    good_version: str | None = None
    warnings: tuple[str, ...] = ()
    deleting: bool = False
    created_clock: float = 0.0

    @property
    def is_production(self) -> bool:
        return self.tags.get("environment", "").lower() == "production"

    @property
    def update_domains(self) -> int:
        """Azure: Uniform sets have 5 update domains, Flexible sets have none (one)."""
        return 5 if self.orchestration is OrchestrationMode.UNIFORM else 1

    def blocks(self, image: ImageReference) -> bool:
        """Whether `latest` leaves a version out here, because it was rolled back."""
        return self.model.image.family == image.family and image.version in self.blocked_versions


def versions_of(scale_set: ScaleSet) -> Counter[str]:
    """How many instances are on each version of the set's image."""
    return Counter([instance.image.version for instance in scale_set.instances.values()])


def not_made_yet(at: float) -> dict[str, Any]:
    """The fields of an instance that is to be created, at `at` (Unix seconds), in the place of one that was there."""
    return {
        "disk": "",
        "address": "",
        "created_at": at,
        "provisioned": False,
        "running": False,
        "previous_disk": None,
        "previous_image": None,
        "extensions": (),
        "trying": None,
        "stopped_by": "",
    }


def stopped_words(scale_set: ScaleSet) -> str:
    """How many instances were ended together with the engine and wait for somebody to ask for them; empty for none."""
    names = [i.stopped_by for i in scale_set.instances.values() if i.stopped_by]
    were = f"{many(len(names), 'instance')} {'was' if len(names) == 1 else 'were'}"
    return f"{were} stopped with the engine by {', '.join(dict.fromkeys(names))}" if names else ""
