"""The systemd units in docs/: their syntax, and that they run what there is."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from engine.control.serve import read_options

ROOT = Path(__file__).resolve().parents[2]
UNITS = sorted((ROOT / "docs" / "systemd").glob("*.service"))
SECTIONS = {
    "Unit": {"Description", "Documentation", "After", "Wants", "StartLimitIntervalSec", "StartLimitBurst"},
    "Service": {
        "Type", "ExecStart", "Restart", "RestartSec", "TimeoutStopSec", "UMask", "KillMode", "OOMPolicy", "User",
        "Group", "SupplementaryGroups", "Environment", "RuntimeDirectory", "RuntimeDirectoryMode", "StateDirectory",
        "StateDirectoryMode", "ConfigurationDirectory", "NoNewPrivileges", "ProtectSystem", "ProtectHome",
        "PrivateDevices", "ProtectKernelTunables", "ProtectKernelModules", "ProtectControlGroups", "RestrictSUIDSGID",
        "LockPersonality", "RestrictAddressFamilies",
    },
    "Install": {"WantedBy"},
}  # fmt: skip


def settings(unit: Path) -> dict[tuple[str, str], str]:
    found: dict[tuple[str, str], str] = {}
    section = ""
    for number, line in enumerate(unit.read_text().splitlines(), 1):
        if not line or line.startswith("#"):
            continue
        if head := re.fullmatch(r"\[(\w+)\]", line):
            section = head[1]
            assert section in SECTIONS, f"{unit.name}:{number}: {line}"
            continue
        setting = re.fullmatch(r"(\w+)=(\S.*)", line)
        assert setting, f"{unit.name}:{number}: {line}"
        assert setting[1] in SECTIONS[section], f"{unit.name}:{number}: {setting[1]} is not for [{section}]"
        assert (section, setting[1]) not in found, f"{unit.name}:{number}: {setting[1]} comes twice"
        found[section, setting[1]] = setting[2]
    return found


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_a_unit_is_well_formed_and_restarts_the_engine_without_touching_its_instances(unit: Path) -> None:
    found = settings(unit)

    assert found["Service", "Restart"] == "on-failure"
    assert found["Service", "KillMode"] == "process"
    assert found["Service", "UMask"] == "0077"
    assert found["Install", "WantedBy"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_what_it_starts_is_what_the_engine_takes(unit: Path) -> None:
    program, engine, serve, *options = settings(unit)["Service", "ExecStart"].split()

    assert program.endswith("/rollset")
    assert (engine, serve) == ("engine", "serve")
    assert read_options(options).foreground


def test_the_shared_engine_listens_where_clients_look() -> None:
    from engine.control.client.lines import SHARED_SOCKET

    found = settings(ROOT / "docs" / "systemd" / "rollset-system.service")

    assert f"--socket {SHARED_SOCKET} --group rollset-operators" in found["Service", "ExecStart"]
    assert found["Service", "RuntimeDirectory"] == "rollset"
    assert found["Service", "SupplementaryGroups"] == "rollset-operators"


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_itself_has_nothing_to_say_where_it_is_installed(unit: Path, tmp_path: Path) -> None:
    analyze = shutil.which("systemd-analyze")
    text = re.sub(r"ExecStart=\S+", "ExecStart=/bin/true", unit.read_text())
    (tmp_path / "rollset.service").write_text(text)
    command = [analyze, "verify", "--man=no", str(tmp_path / "rollset.service")] if analyze else ["true"]

    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    complaints = [line for line in done.stderr.splitlines() if "rollset.service" in line]
    assert complaints == []
