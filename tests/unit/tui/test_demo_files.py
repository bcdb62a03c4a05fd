"""The demo's files: written whole or not at all, and taken by the readers."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from engine.arm.read_policy import read_policy
from engine.arm.read_scale_set import LoadBalancerDocument, ScaleSetDocument, read_document, to_scale_set

Run = Callable[..., Any]


def test_images_boot_and_documents_are_read(run: Run, tmp_path: Path) -> None:
    result = run("demo", "--files", str(tmp_path / "hello"))

    assert result.exit_code == 0 and result.stdout.count("wrote ") == 5
    assert os.access(tmp_path / "hello" / "web-1.2" / "boot", os.X_OK)
    balancer, fleet = (read_document(d, "web.json") for d in json.loads((tmp_path / "hello" / "web.json").read_text()))
    assert isinstance(balancer, LoadBalancerDocument) and isinstance(fleet, ScaleSetDocument)
    scale_set = to_scale_set(fleet, probes=balancer.probes)
    assert (scale_set.name, str(scale_set.model.image)) == ("web", "contoso:web:stable:1.0.0")
    assert read_policy(json.loads((tmp_path / "hello" / "policy.json").read_text()), "policy.json").name == "webs"


def test_nothing_is_overwritten(run: Run, tmp_path: Path) -> None:
    (tmp_path / "web.json").write_text("mine")

    result = run("demo", "--files", str(tmp_path))

    assert result.exit_code == 2 and "web.json is there already" in result.stderr
    assert [path.name for path in tmp_path.iterdir() if path.name != "state"] == ["web.json"]


def test_a_directory_that_cannot_be_made_is_named(run: Run, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    result = run("demo", "--files", str(tmp_path / "file"))
    assert result.exit_code == 2 and str(tmp_path / "file") in result.stderr
