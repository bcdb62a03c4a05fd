"""Escapes, C1 and bidi controls, bytes that are no text and ten megabytes of them, from the fleet to the terminal."""

from __future__ import annotations

import os
import subprocess
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine.model.errors import InputError, RollsetError
from tests.end_to_end.world import SCALE_SET, World

NASTY = "\x1b]0;owned\x07\x1b[2J\x9b31m\u202egnp.exe\u2066 [@click=app.quit]x[/]"
MEGABYTES = 10
FLOOD = f"""python3 - <<'END'
import sys
out = sys.stdout.buffer
out.write(b"\\x1b[2J\\xff\\xfe\\x9b31m" * 16)
for _ in range({MEGABYTES}):
    out.write(b"\\x1b]52;c;AAAA\\x07\\xff" * (1024 * 1024 // 13))
sys.stderr.buffer.write(b"\\xff\\x1b[31mlast \\xe2\\x80\\xae words\\n")
sys.exit(3)
END"""
VERBS = (
    ("status", SCALE_SET),
    ("status", SCALE_SET, "--json"),
    ("show", SCALE_SET),
    ("show", SCALE_SET, "--json"),
    ("plan", SCALE_SET, "--to", "1.1.0"),
    ("events",),
    ("events", "--json"),
    ("history",),
    ("audit",),
    ("explain", SCALE_SET),
    ("rehearse", SCALE_SET, "--to", "1.1.0", "--batch", "1"),
)


@pytest.fixture
def world(tmp_path: Path) -> Iterator[World]:
    made = World(tmp_path)
    yield made
    made.close()


def said(world: World, *verb: str) -> bytes:
    """What a terminal would get from a verb, standard output and errors together."""
    done = subprocess.run(
        [sys.executable, "-m", "tui", *verb, "--state-dir", str(world.state_dir)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONIOENCODING": "utf-8", "COLUMNS": "120"},
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-2000:]
    return done.stdout


def unsafe(output: bytes) -> list[str]:
    """Characters that a terminal could obey; a line break is none."""
    text = output.decode("utf-8")
    return sorted({hex(ord(c)) for c in text if c != "\n" and unicodedata.category(c) in ("Cc", "Cf", "Zl", "Zp")})


@pytest.mark.timeout(180)
def test_nothing_a_fleet_or_a_colleague_says_reaches_the_terminal_as_an_order(world: World) -> None:
    # given a set whose setup floods its output with escapes and bytes that are no text, then fails
    world.publish("1.0.0")
    world.publish("1.1.0")
    world.create(2)
    world.apply(2, setup=FLOOD)
    # and a colleague whose reasons hold escapes
    world.client.command("start", {"set": SCALE_SET, "to": "1.1.0", "reason": NASTY, "restore_failed": "never"})
    world.client.command("hold", {"set": SCALE_SET, "instance": "1", "reason": NASTY})
    world.client.command("release", {"set": SCALE_SET, "instance": "1", "reason": NASTY})
    ended = world.until_ended()
    # then the upgrade ended for that reason, and the engine kept only the tail of the flood
    assert ended["state"] == "Faulted"
    assert (world.state_dir / "rollset.db").stat().st_size < 3 * 1024 * 1024
    # and whoever looks, at whatever, gets nothing that a terminal obeys
    for verb in VERBS:
        output = said(world, *verb)
        assert output.strip(), verb
        assert unsafe(output) == [], verb


@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", (NASTY, "web\x00", "w\u202eeb", "../web", "web\n", "a" * 300))
def test_names_that_are_none_are_refused_in_words_that_are_safe(world: World, name: str) -> None:
    document = {
        "type": "Microsoft.Compute/virtualMachineScaleSets",
        "name": name,
        "location": "westeurope",
        "sku": {"name": "Local", "capacity": 0},
        "properties": {},
    }
    with pytest.raises(InputError) as refused:
        world.client.command("apply", {"documents": [document], "file": "web.json"})
    assert unsafe(str(refused.value).encode()) == []
    with pytest.raises(RollsetError) as missing:
        world.client.query("status", {"set": name})
    assert unsafe(str(missing.value).encode()) == []
