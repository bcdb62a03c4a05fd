"""Paths of probes and URIs of files that could never be asked for are refused when they are applied."""

from __future__ import annotations

from typing import Any

import pytest

from engine.arm.read_scale_set import ScaleSetDocument, read_document, to_scale_set
from engine.model.errors import InputError

IMAGE = {"publisher": "contoso", "offer": "web", "sku": "stable", "version": "1.0.0"}


def scale_set(extension: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "name": "web",
        "location": "westeurope",
        "sku": {"name": "Local", "capacity": 1},
        "properties": {
            "virtualMachineProfile": {
                "storageProfile": {"imageReference": IMAGE},
                "extensionProfile": {"extensions": [{"name": "x", "properties": extension}]},
            }
        },
    }


def health(path: object) -> dict[str, Any]:
    settings = {"protocol": "http", "port": 80, "requestPath": path}
    return {"publisher": "Microsoft.ManagedServices", "type": "ApplicationHealthLinux", "settings": settings}


def script(uri: object) -> dict[str, Any]:
    settings = {"commandToExecute": "true", "fileUris": [uri]}
    return {"publisher": "Microsoft.Azure.Extensions", "type": "CustomScript", "settings": settings}


def balancer(path: object) -> dict[str, Any]:
    probe = {"protocol": "Http", "port": 80, "requestPath": path}
    properties = {"probes": [{"name": "p", "properties": probe}]}
    return {"type": "Microsoft.Network/loadBalancers", "name": "lb", "properties": properties}


def read(document: dict[str, Any]) -> None:
    found = read_document(document, "input.json")
    if isinstance(found, ScaleSetDocument):
        to_scale_set(found, probes={})


@pytest.mark.parametrize("path", ("/a b", "/é", "health"))
@pytest.mark.parametrize("document", (balancer, lambda path: scale_set(health(path))))
def test_a_path_that_no_request_can_carry_is_refused(document: Any, path: str) -> None:
    with pytest.raises(InputError, match=r"requestPath.*begins with /"):
        read(document(path))


@pytest.mark.parametrize("path", ("/\t", "", "/\x7f"))
@pytest.mark.parametrize("document", (balancer, lambda path: scale_set(health(path))))
def test_a_path_that_is_no_text_is_refused(document: Any, path: str) -> None:
    with pytest.raises(InputError, match="requestPath"):
        read(document(path))


@pytest.mark.parametrize("uri", ("file://[/x", "a b", "", "file://localhost/x\n", "\u200b"))
def test_a_uri_that_nobody_could_read_is_refused(uri: str) -> None:
    with pytest.raises(InputError, match="fileUris"):
        read(scale_set(script(uri)))


def test_what_can_be_asked_for_is_taken() -> None:
    read(balancer("/health?deep=1&x=%20"))
    read(scale_set(health("/")))
    read(scale_set(script("file://localhost/srv/set%20up.sh")))
    read(scale_set(script("https://example.com/setup.sh?sig=a%2Fb")))
    read(scale_set(script("http://[::1]:8080/setup.sh")))


@pytest.mark.parametrize("uri", ("set-up.sh", "ftp://host/x.sh", "https://host/", "https://host", "file://other/x.sh"))
def test_a_file_that_no_local_instance_could_get_is_refused_with_the_forms_that_can(uri: str) -> None:
    with pytest.raises(InputError, match=r"fileUris is .*https:// or, for a file on the engine's machine, file:/PATH"):
        read(scale_set(script(uri)))


@pytest.mark.parametrize("port", ("70000", "0", "-1", "http"))
def test_a_file_behind_a_port_that_cannot_be_is_refused(port: str) -> None:
    with pytest.raises(InputError, match=r"fileUris is .*a port from 1 to 65535"):
        read(scale_set(script(f"https://host:{port}/x.sh")))


def test_a_file_that_is_fetched_later_is_told_without_its_token() -> None:
    document = read_document(scale_set(script("https://host/set-up.sh?sig=secret")), "input.json")
    assert isinstance(document, ScaleSetDocument)
    told = " ".join(to_scale_set(document, probes={}).warnings)
    assert "https://host/set-up.sh is fetched each time the script runs" in told and "secret" not in told
