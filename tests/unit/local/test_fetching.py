"""Files of a Custom Script over http: fetched within bounds, and every failure names the address and the cause."""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from engine.fleets.local import fetching
from engine.fleets.local.fetching import fetched, missing
from engine.model.codes import ErrorCode
from engine.model.errors import RollsetError

pytestmark = pytest.mark.anyio


@pytest.fixture
def anyio_backend() -> str:
    """What the engine runs on."""
    return "asyncio"


class Answers(BaseHTTPRequestHandler):
    """`/set%20up.sh` is there, `/moved/x.sh` leads to it, `/never.sh` does not come; else 404."""

    def do_GET(self) -> None:
        """Answer by the path."""
        path = self.path.partition("?")[0]
        if path == "/never.sh":
            self.server.gone.wait(30)  # type: ignore[attr-defined]  # set by the fixture
            return
        self.send_response({"/set%20up.sh": 200, "/moved/x.sh": 302}.get(path, 404))
        if path == "/moved/x.sh":
            self.send_header("Location", "/set%20up.sh")
        self.end_headers()
        self.wfile.write(b"echo hello")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def site() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    server.gone = threading.Event()  # type: ignore[attr-defined]  # ends what never answers
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.gone.set()  # type: ignore[attr-defined]  # as above
    server.shutdown()
    thread.join()
    server.server_close()


async def test_files_are_there_under_their_names_until_the_run_has_them(site: str) -> None:
    uris = (f"{site}/set%20up.sh?sig=secret", f"{site}/moved/x.sh", "file:/etc/hosts")
    async with fetched(uris) as found:
        assert [path.name for path in found.values()] == ["set up.sh", "x.sh"]
        assert {path.read_bytes() for path in found.values()} == {b"echo hello"}
        kept = list(found.values())
    assert not any(path.exists() for path in kept)


@pytest.mark.parametrize(
    ("path", "said"),
    (
        ("/none.sh?sig=secret", "/none.sh could not be fetched: the answer was 404 Not Found"),
        ("/set%20up.sh?sig=secret", "has more than 4 bytes"),
        ("/never.sh?sig=secret", "not here within 0.3 s"),
        ("/folder/?sig=secret", "does not end with the name of a file"),
        ("/%2e%2e?sig=secret", "does not end with the name of a file"),
    ),
)
async def test_what_cannot_be_fetched_is_named_without_its_token(site: str, path: str, said: str) -> None:
    with pytest.raises(RollsetError) as failed:
        async with fetched((site + path,), file_bytes=4, within_s=0.3 if "never" in path else 30):
            raise AssertionError("nothing was to be had")
    assert said in failed.value.message and "secret" not in failed.value.message
    assert failed.value.code == ErrorCode.EXTENSION and "file:/PATH" in failed.value.next_step


async def test_a_place_where_nobody_listens_is_named() -> None:
    with pytest.raises(RollsetError, match=r"http://127\.0\.0\.1:1/x\.sh could not be fetched"):
        async with fetched(("http://127.0.0.1:1/x.sh",)):
            raise AssertionError("nothing was to be had")


async def test_of_files_that_are_only_asked_for_the_missing_ones_are_told_without_their_tokens(
    site: str, tmp_path: Path
) -> None:
    here = tmp_path / "set up.sh"
    here.touch()
    there = [f"{site}/set%20up.sh?sig=secret", f"{site}/moved/x.sh", f"file:{here}".replace(" ", "%20")]
    gone = [f"{site}/none.sh?sig=secret", "http://u:secret@127.0.0.1:1/x.sh", f"file://{tmp_path}/none.sh"]
    gone += [f"{site}/folder/?sig=secret", f"file:{tmp_path}", "http://host:secret/x.sh?secret"]

    found = await missing(there + gone, within_s=30)

    assert set(found) == set(gone) and not any(x.silent for x in found.values())
    assert found[gone[0]].words == f"fileUris: {site}/none.sh could not be fetched: the answer was 404 Not Found"
    assert "no such file" in found[gone[2]].words and "file:/" in found[gone[2]].words
    assert not [x.words for x in list(found.values())[:-1] if "secret" in x.words]


NO_ADDRESSES = ("http://127.0.0.1:70000/x.sh?sig=secret", "http://xn--a/x.sh?sig=secret")


async def test_what_no_request_can_be_made_of_is_missing_like_any_other(tmp_path: Path) -> None:
    long = f"file:{tmp_path}/{'x' * 300}"

    found = await missing([*NO_ADDRESSES, long], within_s=30)

    assert set(found) == {*NO_ADDRESSES, long} and not any(x.silent for x in found.values())
    assert found[long].words.endswith("could not be fetched: File name too long")
    assert not [x.words for x in found.values() if "secret" in x.words]


async def test_a_file_below_a_folder_that_may_not_be_entered_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_entry(path: Path) -> bool:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), str(path))

    monkeypatch.setattr(Path, "is_file", no_entry)

    found = await missing(["file:/srv/closed/x.sh"], within_s=30)

    assert (
        found["file:/srv/closed/x.sh"].words
        == "fileUris: file:/srv/closed/x.sh could not be fetched: Permission denied"
    )


@pytest.mark.parametrize("uri", NO_ADDRESSES)
async def test_what_no_request_can_be_made_of_is_named_when_its_script_runs(uri: str) -> None:
    with pytest.raises(RollsetError, match="could not be fetched") as failed:
        async with fetched((uri,)):
            raise AssertionError("nothing was to be had")
    assert "secret" not in failed.value.message


async def test_a_mount_that_never_answers_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    gone, after, looking = threading.Event(), [], []

    def hang(path: Path) -> bool:
        looking.append(threading.current_thread())
        gone.wait(30)
        after.append(path)
        return True

    monkeypatch.setattr(Path, "is_file", hang)
    monkeypatch.setattr(fetching, "_LOOKS", threading.Semaphore(1))
    try:
        found = await missing(["file:/mnt/x.sh"], within_s=0.05)
        assert found["file:/mnt/x.sh"].silent and after == [], "nobody waited for it"
        assert all(thread.daemon for thread in looking), "neither does the end of the engine"
        assert (await missing(["file:/mnt/y.sh"], within_s=0.05))["file:/mnt/y.sh"].silent
        assert len(looking) <= 1, "what hangs does not gather"
    finally:
        gone.set()


async def test_what_does_not_answer_is_waited_for_a_little_and_hides_nothing_else(site: str) -> None:
    found = await missing([f"{site}/never.sh?sig=secret", f"{site}/moved/x.sh", f"{site}/none.sh"], within_s=0.5)

    assert found[f"{site}/never.sh?sig=secret"].silent
    assert found[f"{site}/never.sh?sig=secret"].words == f"fileUris: {site}/never.sh did not answer within 0.5 s"
    assert f"{site}/moved/x.sh" not in found or found[f"{site}/moved/x.sh"].silent
    assert await missing([]) == {}
