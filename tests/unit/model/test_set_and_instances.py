"""Facts of a set and its instances that follow from their records."""

from __future__ import annotations

import pytest

from engine.model.health import Health
from engine.model.image import ImageReference
from engine.model.scale_set import (
    Extension,
    Instance,
    OrchestrationMode,
    ScaleSet,
    ScaleSetModel,
    is_on,
    versions_of,
)

V1 = ImageReference("p", "o", "s", "1.0.0")
V2 = V1.with_version("2.0.0")


def instance(image: ImageReference = V1, **more: object) -> Instance:
    return Instance("0", "", 0, 0, image, "sha256:1", "1", 0.0, **more)  # type: ignore[arg-type]  # named by the test


def scale_set(**more: object) -> ScaleSet:
    return ScaleSet("/k", "/K", "web", "eu", "s", 1, ScaleSetModel(V1), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("health", list(Health))
def test_unhealthy_and_unknown_are_unhealthy(health: Health) -> None:
    assert instance(health=health).is_unhealthy is (health in (Health.UNHEALTHY, Health.UNKNOWN))


def test_an_instance_is_on_an_image_by_version_and_content() -> None:
    assert is_on(instance(), V1, "sha256:1")
    assert not is_on(instance(), V2, "sha256:1")
    assert not is_on(instance(), V1, "sha256:2")


def test_a_model_asks_for_its_image_or_whatever_latest_gave() -> None:
    assert ScaleSetModel(V1).asks_for(V1)
    assert not ScaleSetModel(V1).asks_for(V2)
    assert ScaleSetModel(V1.with_version("latest")).asks_for(V2)


@pytest.mark.parametrize(
    ("tags", "production"),
    (({}, False), ({"environment": "Production"}, True), ({"environment": "test"}, False)),
)
def test_production_is_a_tag(tags: dict[str, str], production: bool) -> None:
    assert scale_set(tags=tags).is_production is production


def test_versions_are_counted_by_instances() -> None:
    instances = {"0": instance(), "1": instance(V2), "2": instance(V2)}
    assert versions_of(scale_set(instances=instances)) == {"1.0.0": 1, "2.0.0": 2}


def test_uniform_sets_have_five_update_domains_and_flexible_ones_one() -> None:
    assert scale_set().update_domains == 5
    assert scale_set(orchestration=OrchestrationMode.FLEXIBLE).update_domains == 1


@pytest.mark.parametrize(
    ("kind", "script"),
    (("CustomScript", True), ("customScriptExtension", True), ("CustomScriptForLinux", True), ("Watcher", False)),
)
def test_custom_scripts_are_known_by_their_type(kind: str, script: bool) -> None:
    assert Extension("x", "p", kind, "2.0").is_custom_script is script
