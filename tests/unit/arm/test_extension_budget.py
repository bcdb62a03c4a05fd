"""extensionsTimeBudget: read, bounded as Azure bounds it, and kept in the model."""

from __future__ import annotations

from typing import Any

import pytest

from engine.arm.read_scale_set import ScaleSetDocument, read_document, to_scale_set
from engine.model.errors import InputError
from engine.model.scale_set import ScaleSetModel


def model(**profile: Any) -> ScaleSetModel:
    image = {"publisher": "contoso", "offer": "web", "sku": "stable", "version": "1.0.0"}
    document = {
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "name": "web",
        "location": "westeurope",
        "sku": {"name": "Local", "capacity": 1},
        "properties": {
            "virtualMachineProfile": {"storageProfile": {"imageReference": image}, "extensionProfile": profile}
        },
    }
    found = read_document(document, "web.json")
    assert isinstance(found, ScaleSetDocument)
    return to_scale_set(found, probes={}).model


@pytest.mark.parametrize(("given", "seconds"), (("PT15M", 900.0), ("PT1H30M", 5_400.0), ("PT2H", 7_200.0)))
def test_the_budget_is_what_the_model_says(given: str, seconds: float) -> None:
    found = model(extensionsTimeBudget=given)
    assert (found.extension_budget_s, found.stated) == (seconds, ("extension_budget_s",))


def test_without_one_it_is_azures_ninety_minutes() -> None:
    assert (model().extension_budget_s, model().stated) == (5_400.0, ())


@pytest.mark.parametrize("given", ("PT14M", "PT2H1S", "soon", 900))
def test_a_budget_out_of_azures_limits_is_refused_with_its_place(given: object) -> None:
    with pytest.raises(InputError, match="extensionsTimeBudget"):
        model(extensionsTimeBudget=given)
