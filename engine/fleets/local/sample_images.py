"""Small images that really boot, for tests and the demo: an HTTP server with `/health` and `/version`."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Sequence
from pathlib import Path

from engine.model.errors import InputError

BEHAVIOURS = ("good", "bad", "slow", "dead")

_SERVER = '''"""Answers /health and /version; a file `unhealthy` in ROLLSET_DATA makes it unhealthy."""
import json, os, socket, time

IMAGE = json.loads(open("image.json").read())
STARTED = time.monotonic()
ME, DATA = os.environ["ROLLSET_INSTANCE"], os.environ["ROLLSET_DATA"]


def healthy():
    if os.path.exists(os.path.join(DATA, "unhealthy")):
        return False
    if IMAGE["behaviour"] == "bad":
        return bool(IMAGE["instances"]) and ME not in IMAGE["instances"]
    return IMAGE["behaviour"] != "slow" or time.monotonic() - STARTED >= IMAGE["slow_s"]


def answer(path):
    if path == "/version":
        return "200 OK", {"version": IMAGE["version"], "instance": ME}
    if path != "/health":
        return "404 Not Found", {"error": "not found"}
    if healthy():
        return "200 OK", {"ApplicationHealthState": "Healthy"}
    return "503 Service Unavailable", {"ApplicationHealthState": "Unhealthy"}


listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind((os.environ["ROLLSET_ADDRESS"], int(os.environ["ROLLSET_PORT"])))
listener.listen(64)
print("version", IMAGE["version"], "serves on", *listener.getsockname(), flush=True)
while True:
    connection, _ = listener.accept()
    with connection:
        try:
            connection.settimeout(2.0)
            words = connection.recv(4096).split()
            status, body = answer(words[1].decode("ascii", "replace").partition("?")[0] if len(words) > 1 else "")
            text = json.dumps(body)
            head = f"HTTP/1.1 {status}\\r\\nContent-Type: application/json\\r\\nContent-Length: {len(text)}\\r\\n"
            connection.sendall(f"{head}Connection: close\\r\\n\\r\\n{text}".encode())
        except OSError:
            continue
'''


def write_sample_image(
    target: Path, *, version: str, behaviour: str, instances: Sequence[str] = (), slow_s: float = 5.0
) -> None:
    """Fill the directory `target` (made if missing) with a bootable image.

    `behaviour`: `good`; `bad` (health answers 503 on `instances`, by id, or on all when none is named); `slow` (healthy
    only `slow_s` seconds after boot); `dead` (boot exits 1). Any of them is unhealthy while a file `unhealthy` lies in
    its data directory. Raises InputError for another behaviour.
    """
    if behaviour not in BEHAVIOURS:
        raise InputError(
            "InvalidParameter", f"behaviour {behaviour!r} is none of {', '.join(BEHAVIOURS)}.", "Choose one of them."
        )
    target.mkdir(mode=0o700, parents=True, exist_ok=True)
    image = {"version": version, "behaviour": behaviour, "instances": list(instances), "slow_s": slow_s}
    (target / "image.json").write_text(json.dumps(image, sort_keys=True))
    (target / "version").write_text(version + "\n")
    (target / "server.py").write_text(_SERVER)
    start = f"exec {shlex.quote(sys.executable)} -I -S -B server.py"
    if behaviour == "dead":
        start = f"echo 'version {version} does not boot' >&2\nexit 1"
    boot = target / "boot"
    boot.write_text(f"#!/bin/sh\n{start}\n")
    boot.chmod(0o755)
