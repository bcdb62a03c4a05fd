"""The demo's image: a boot script and a small HTTP server whose health follows a file beside it."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

GOOD, BAD, SLOW, PARTLY_UNHEALTHY = "good", "bad", "slow", "partly-unhealthy"

SERVER = """\
import json, os, socket, time

began = time.monotonic()
digits = "".join(c if c.isdigit() else " " for c in os.environ["ROLLSET_INSTANCE"]).split()
number = int(digits[-1]) if digits else 0
version = open("version").read().strip()
behaviour = open("behaviour").read().strip()


def health():
    if behaviour == "bad" and number // 2 % 2 == 1:
        return "Unhealthy", "schema 42 is missing: this build cannot read the database"
    if behaviour == "slow" and number % 4 == 1 and time.monotonic() - began < 3.0:
        return "Unhealthy", "warming the cache"
    if behaviour == "partly-unhealthy" and number % 12 < 5:
        return "Unhealthy", "the certificate has expired"
    return "Healthy", "serving"


def answer(request):
    parts = request.split()
    if len(parts) < 2 or parts[1] != b"/health":
        return "200 OK", {"version": version, "instance": number}
    state, detail = health()
    status = "200 OK" if state == "Healthy" else "503 Service Unavailable"
    return status, {"ApplicationHealthState": state, "detail": detail, "version": version}


listener = socket.create_server((os.environ["ROLLSET_ADDRESS"], int(os.environ["ROLLSET_PORT"])), backlog=64)
while True:
    connection, _ = listener.accept()
    with connection:
        try:
            connection.settimeout(2.0)
            status, document = answer(connection.recv(4096))
            body = json.dumps(document).encode()
            head = f"HTTP/1.1 {status}\\r\\nContent-Type: application/json\\r\\nContent-Length: {len(body)}\\r\\n"
            connection.sendall(head.encode() + b"Connection: close\\r\\n\\r\\n" + body)
        except OSError:
            pass
"""


def write_image(directory: Path, version: str, behaviour: str) -> Path:
    """Make an image directory that boots the server with this Python; returns the directory."""
    directory.mkdir(parents=True)
    (directory / "server.py").write_text(SERVER, encoding="utf-8")
    (directory / "version").write_text(version + "\n", encoding="utf-8")
    (directory / "behaviour").write_text(behaviour + "\n", encoding="utf-8")
    boot = directory / "boot"
    boot.write_text(f"#!/bin/sh\nexec {shlex.quote(sys.executable)} -I -S server.py\n", encoding="utf-8")
    boot.chmod(0o755)
    return directory
