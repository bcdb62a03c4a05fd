"""The event stream over a real socket: no hole, no repeat; who does not read is dropped and holds nobody up."""

from __future__ import annotations

import itertools
import json
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from engine.control.client import Client, SharedLine
from engine.control.shares import Share
from engine.control.streams import EVENTS_AT_ONCE, StreamLimits
from engine.model.errors import NotFoundError, RefusedError, UnreachableError
from engine.runtime.recent_events import EventLine
from tests.unit.control.served import Served
from tests.worlds.watching import wait_until

Serve = Callable[..., Served]
FOLLOW = b"GET /v1/events?after=0&follow=1 HTTP/1.1\r\nHost: x\r\n\r\n"


def test_events_that_are_there_come_first_and_the_others_as_they_happen(serve: Serve) -> None:
    served = serve()
    for _ in range(3):
        served.call(served.door.add)

    stream = served.client.events(1, "all", True)

    assert [next(stream)["seq"], next(stream)["seq"]] == [2, 3]
    served.call(served.door.add)
    assert next(stream)["seq"] == 4
    stream.close()
    wait_until(lambda: served.seen.streams == 0, 15)


def test_a_client_that_comes_back_again_and_again_misses_and_repeats_nothing(serve: Serve) -> None:
    served = serve()
    total = 600
    seen: list[int] = []
    stop = threading.Event()

    def write() -> None:
        for number in range(total):
            served.call(served.door.add)
            if number % 50 == 0:
                time.sleep(0.02)
        stop.set()

    writer = threading.Thread(target=write)
    writer.start()
    for leave_after in itertools.cycle((1, 7, 30, 100)):
        if len(seen) >= total:
            break
        stream = served.client.events(seen[-1] if seen else 0, "all", True)
        seen += [event["seq"] for event in itertools.islice(stream, min(leave_after, total - len(seen)))]
        stream.close()
    writer.join()

    assert seen == list(range(1, total + 1))


def test_what_is_silent_is_kept_alive_by_empty_lines(serve: Serve) -> None:
    served = serve(limits=StreamLimits(heartbeat_s=0.05))

    with served.dial() as connection:
        connection.sendall(FOLLOW)
        said = b""
        while said.count(b"1\r\n\n\r\n") < 3:
            said += connection.recv(4096)

    assert b'{"head": 0}' in said


def test_a_client_that_never_reads_is_dropped_and_the_others_get_everything(serve: Serve) -> None:
    served = serve(limits=StreamLimits(slow_s=0.3, heartbeat_s=0.1))
    sleeper = served.dial()
    sleeper.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    sleeper.sendall(FOLLOW)
    wait_until(lambda: served.seen.streams == 1, 15)
    reader = served.client.events(0, "all", True)

    def write() -> None:
        for _ in range(2000):
            served.door.add("x" * 1000)

    served.call(write)
    got = [event["seq"] for event in itertools.islice(reader, 2000)]

    assert got == list(range(1, 2001))
    wait_until(lambda: served.seen.dropped == 1, 15)
    reader.close()
    wait_until(lambda: served.seen.streams == 0, 15)
    assert served.client.query("engine", {})["head"] == 2000
    sleeper.close()


def test_a_dropped_client_sees_an_end_and_may_come_back_where_it_was(serve: Serve) -> None:
    served = serve(limits=StreamLimits(slow_s=0.2, heartbeat_s=0.1))

    def write() -> None:
        for _ in range(500):
            served.door.add("x" * 5000)

    served.call(write)
    stream = served.client.events(0, "all", True)
    first = next(stream)["seq"]
    wait_until(lambda: served.seen.dropped == 1, 15)

    got = [first]
    with pytest.raises(UnreachableError):
        got.extend(event["seq"] for event in stream)

    assert got == list(range(1, len(got) + 1))
    assert len(got) < 500
    more = served.client.events(got[-1], "all", True)
    assert next(more)["seq"] == got[-1] + 1
    more.close()


def test_there_is_a_bound_on_streams_and_a_place_is_free_again_when_one_leaves(serve: Serve) -> None:
    served = serve(limits=StreamLimits(streams=Share(each=2, total=2, always=1)))
    served.call(served.door.add)
    first, second = (served.client.events(0, "all", True) for _ in range(2))
    next(first)
    next(second)

    with pytest.raises(UnreachableError, match="2 streams"):
        next(served.client.events(0, "all", True))

    first.close()
    wait_until(lambda: served.seen.streams == 1, 15)
    third = served.client.events(0, "all", True)
    assert next(third)["seq"] == 1
    second.close()
    third.close()


def test_a_position_that_the_log_never_had_is_refused(serve: Serve) -> None:
    served = serve()

    with pytest.raises(RefusedError, match="the log ends at 0"):
        next(served.client.events(12, "all", True))
    with pytest.raises(RefusedError, match="the log ends at 0"):
        list(served.client.events(12, "all", False))


def test_an_unknown_scope_is_an_error_before_the_stream_begins(serve: Serve) -> None:
    served = serve()

    with pytest.raises(NotFoundError):
        next(served.client.events(0, "nothing-is-called-so", True))


def test_the_events_of_a_set_end_with_its_deletion(serve: Serve) -> None:
    served = serve()
    served.call(served.door.add)
    stream = served.client.events(0, "web", True)
    assert next(stream)["seq"] == 1

    def delete() -> None:
        served.door.deleted.add("web")
        served.door.add("scale set deleted")

    served.call(delete)

    assert [event["words"] for event in stream] == ["scale set deleted"]
    wait_until(lambda: served.seen.streams == 0, 15)


@pytest.mark.parametrize("limit", (1, 499, 500, 501, 1000, 1234, 2000))
def test_many_events_are_read_page_by_page(serve: Serve, limit: int, monkeypatch: pytest.MonkeyPatch) -> None:
    served = serve()
    asked: list[int] = []
    read = served.door.events_after

    async def events_after(seq: int, scope: str, most: int) -> list[EventLine]:
        asked.append(most)
        return await read(seq, scope, most)

    monkeypatch.setattr(served.door, "events_after", events_after)

    def write() -> None:
        for _ in range(1234):
            served.door.add()

    served.call(write)
    got = served.raw(f"GET /v1/events?after=3&limit={limit} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())

    lines = [line for line in got.partition(b"\r\n\r\n")[2].splitlines() if line.startswith(b"{")]
    seqs = [json.loads(line)["seq"] for line in lines]
    assert seqs == list(range(4, 4 + min(limit, 1231)))
    assert max(asked) <= EVENTS_AT_ONCE


def test_a_stopped_engine_ends_the_stream_with_an_error(serve: Serve) -> None:
    served = serve()
    served.call(served.door.add)
    stream = served.client.events(0, "all", True)
    next(stream)

    threading.Timer(0.1, served.stop).start()

    with pytest.raises(UnreachableError):
        list(stream)


@pytest.mark.parametrize(("by", "told"), (("ada", [b'{"stopped_by": "ada"}']), ("", [])))
def test_the_last_line_says_who_asked_the_engine_to_stop(serve: Serve, by: str, told: list[bytes]) -> None:
    served = serve(limits=StreamLimits(heartbeat_s=60.0))
    served.call(served.door.add)
    with served.dial() as connection:
        connection.sendall(FOLLOW)
        said = b""
        while b'"seq": 1' not in said:
            said += connection.recv(4096)

        served.call(lambda: served.door.stop(by))
        while not said.endswith(b"0\r\n\r\n"):
            said += connection.recv(4096)

    assert [line for line in said.splitlines() if b"stopped_by" in line] == told
    wait_until(lambda: served.seen.streams == 0, 15)


def test_events_that_are_read_to_their_end_leave_no_error_in_the_log(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    served = serve()
    served.call(served.door.add)

    assert len(list(served.client.events(0, "all", False))) == 1
    served.client.query("engine", {})

    assert [record.getMessage() for record in caplog.records if record.name.startswith("uvicorn")] == []


def test_a_client_of_nothing_says_where_it_looked(tmp_path: Path) -> None:
    with pytest.raises(UnreachableError, match=r"no engine answers on .*nothing\.sock"):
        Client(SharedLine(tmp_path / "nothing.sock")).query("engine", {})
