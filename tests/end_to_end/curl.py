"""As much of curl as docs/api.md shows, so that its examples run where curl is not installed."""

from __future__ import annotations

import argparse
import http.client
import socket
import sys
import time
from urllib.parse import urlsplit


def main() -> int:
    parser = argparse.ArgumentParser()
    parser.add_argument("-sS", action="store_true")
    parser.add_argument("--no-buffer", action="store_true")
    parser.add_argument("--unix-socket", required=True)
    parser.add_argument("--max-time", type=float, default=30.0)
    parser.add_argument("-d")
    parser.add_argument("url")
    options = parser.parse_args()
    connection = http.client.HTTPConnection("rollset")
    connection.sock = socket.socket(socket.AF_UNIX)
    connection.sock.settimeout(options.max_time)
    connection.sock.connect(options.unix_socket)
    parts = urlsplit(options.url)
    target = f"{parts.path}?{parts.query}" if parts.query else parts.path
    connection.request("POST" if options.d else "GET", target, options.d)
    answer, until = connection.getresponse(), time.monotonic() + options.max_time
    try:
        while time.monotonic() < until and (line := answer.readline()):
            sys.stdout.write(line.decode())
    except TimeoutError:
        return 28
    return 0


if __name__ == "__main__":
    sys.exit(main())
