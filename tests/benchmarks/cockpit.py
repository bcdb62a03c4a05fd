"""The cockpit on a pseudo-terminal of 120x40, beside a bare Textual app on another: keys, bytes, processor, memory."""

from __future__ import annotations

import random
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

from engine.control.client import Client
from engine.control.client.lines import StateDirLine
from tests.benchmarks.figure import Figure, middle, percentile
from tests.benchmarks.simulated_fleet import MEGABYTE, document, engine, processor_s, resident_bytes, wait_for
from tests.terminal.terminal import ENTER, RIGHT, ROLLSET, Terminal, environment

KEYS = 80
LOAD_S = 20.0
IDLE_S = 15.0
BARE = """
from textual.app import App
from textual.widgets import Static
class Bare(App):
    BINDINGS = [("right", "more")]
    count = 0
    def compose(self): yield Static("bare 0.")
    def action_more(self):
        self.count += 1
        self.query_one(Static).update(f"bare {self.count}.")
Bare().run()
"""


@contextmanager
def bare() -> Iterator[Terminal]:
    """The least that Textual can do: one line that counts key presses."""
    with Terminal([sys.executable, "-c", BARE]) as terminal:
        terminal.shows("bare 0.")
        yield terminal


def first_paint_s(terminal: Terminal, *words: str) -> float:
    """From the start of the process until the screen shows it."""
    return terminal.shows(*words) - terminal.began


def answers(terminal: Terminal, shown: Callable[[int], str], keys: int = KEYS) -> list[float]:
    """Seconds from a key to what it changes on the screen; `shown` says what the n-th press makes appear."""
    found = []
    for number in range(1, keys + 1):
        time.sleep(random.uniform(0.05, 0.2))
        at = terminal.press(RIGHT)
        found.append(terminal.shows(shown(number)) - at)
    return found


def answered(terminal: Terminal, key: str, shown: str = "") -> float:
    """Seconds from a key to the first picture after it that has `shown` and not the first set."""
    before = len(terminal.raw())
    at = terminal.press(key)

    def is_there(text: str) -> bool:
        return len(terminal.raw()) > before and (not shown or (shown in text and "set-000" not in text))

    return terminal.until(is_there) - at


def rest(terminal: Terminal, seconds: float) -> tuple[float, float]:
    """Bytes a second and the share of a core while nobody presses a key."""
    pid = terminal.process.pid
    used, written = processor_s(pid), len(terminal.raw())
    began = time.monotonic()
    time.sleep(seconds)
    gone = time.monotonic() - began
    return (len(terminal.raw()) - written) / gone, (processor_s(pid) - used) / gone


def load(client: Client) -> None:
    """The standard load: 1,000 members, a fifth of them at once, 20 s each by the median."""
    own = document("web", 1000)
    del own["zones"]
    client.command("apply", {"documents": [own], "file": "web.json"})
    wait_for(lambda: client.query("sets", {})["sets"][0]["healthy"] == 1000)
    client.command("start", {"set": "web", "to": "1.1.0"})
    wait_for(lambda: batches_begun(client) == 1)


def batches_begun(client: Client) -> int:
    """How many batches there have been."""
    return len(client.query("status", {"set": "web"})["ours"]["batch_list"])


@contextmanager
def counted(client: Client, into: dict[str, Any], name: str) -> Iterator[None]:
    """Events a second while the block runs."""
    before, began = client.query("engine", {})["head"], time.monotonic()
    yield
    into[name] = (client.query("engine", {})["head"] - before) / (time.monotonic() - began)


def cockpit_on(client: Client) -> Terminal:
    """`rollset` on this engine."""
    assert isinstance(client.line, StateDirLine)
    return Terminal(ROLLSET, env=environment(ROLLSET_STATE_DIR=str(client.line.state_dir)))


@cache
def under_load() -> dict[str, Any]:
    """All that is measured of one set's screen under the standard load, and of the bare app meanwhile."""
    with engine() as (client, _):
        load(client)
        with cockpit_on(client) as terminal, bare() as reference:
            terminal.shows("web", "live")
            terminal.press(ENTER)
            terminal.shows("UD0", "web_0 ")
            found: dict[str, Any] = {}
            with counted(client, found, "events at keys"):
                found["keys"] = answers(terminal, lambda n: f"web_{5 * n} ")
            found["bare keys"] = answers(reference, lambda n: f"bare {n}.")
            wait_for(lambda: batches_begun(client) == 2)
            with counted(client, found, "events at rest"):
                found["bytes"], found["share"] = rest(terminal, LOAD_S)
            found["memory"] = resident_bytes(terminal.process.pid)
    return found


def keys_under_load() -> Figure:
    """From a key to its answer on the screen."""
    seen = under_load()
    worst, reference = percentile(seen["keys"], 0.95), percentile(seen["bare keys"], 0.95)
    return Figure(
        "key to paint under the standard load, 95th percentile",
        f"{worst * 1000:.0f} ms",
        "<= 50 ms",
        worst <= 0.05,
        f"median {middle(seen['keys']) * 1000:.0f} ms; a bare Textual app {reference * 1000:.0f} ms, "
        f"median {middle(seen['bare keys']) * 1000:.0f} ms; {seen['events at keys']:.0f} events a second",
    )


def bytes_under_load() -> Figure:
    """What goes to the terminal while a set of 1,000 is upgraded."""
    seen = under_load()
    return Figure(
        "to the terminal under the standard load",
        f"{seen['bytes'] / 1000:.1f} KB/s",
        "<= 10 KB/s",
        seen["bytes"] <= 10_000,
        f"over {LOAD_S:.0f} s; {seen['events at rest']:.0f} events a second",
    )


def processor_under_load() -> Figure:
    """What the cockpit itself uses meanwhile."""
    seen = under_load()
    return Figure(
        "cockpit's processor time under the standard load",
        f"{seen['share'] * 100:.0f} % of a core",
        "<= 25 %",
        seen["share"] <= 0.25,
        f"{seen['memory'] / MEGABYTE:.0f} MB",
    )


def idle_cockpit() -> Figure:
    """A cockpit on a set at rest."""
    with engine() as (client, _):
        client.command("apply", {"documents": [document("web", 120, **{"create-seconds": "0.1"})], "file": "web.json"})
        wait_for(lambda: client.query("sets", {})["sets"][0]["healthy"] == 120)
        with cockpit_on(client) as terminal, bare() as reference:
            terminal.shows("web", "live")
            terminal.press(ENTER)
            terminal.shows("UD0", "web_0 ")
            time.sleep(2)
            bytes_s, share = rest(terminal, IDLE_S)
            bare_bytes_s, bare_share = rest(reference, IDLE_S / 3)
    return Figure(
        "idle cockpit",
        f"{share * 100:.2f} % of a core, {bytes_s:.0f} B/s",
        "< 1 % and < 100 B/s",
        share < 0.01 and bytes_s < 100,
        f"a bare Textual app {bare_share * 100:.2f} %, {bare_bytes_s:.0f} B/s",
    )


def first_paint() -> Figure:
    """From `rollset` to the list of 100 sets of 1,000 instances."""
    with engine() as (client, _):
        for start in range(0, 100, 10):
            documents = [document(f"set-{n:02}", 1000, **{"create-seconds": "0.1"}) for n in range(start, start + 10)]
            client.command("apply", {"documents": documents, "file": "sets.json"})
        wait_for(lambda: sum(s["healthy"] for s in client.query("sets", {})["sets"]) == 100_000)
        time.sleep(3)
        taken, taken_bare, memory = [], [], 0
        for _ in range(5):
            with cockpit_on(client) as terminal:
                taken.append(first_paint_s(terminal, "set-00", "set-10", "live", "? help"))
                terminal.quiet()
                memory = max(memory, resident_bytes(terminal.process.pid))
            with Terminal([sys.executable, "-c", BARE]) as terminal:
                taken_bare.append(first_paint_s(terminal, "bare 0."))
    return Figure(
        "first full paint with 100 sets x 1,000 instances",
        f"{middle(taken):.2f} s, {memory / MEGABYTE:.0f} MB",
        "<= 0.6 s and <= 70 MB",
        middle(taken) <= 0.6 and memory <= 70 * MEGABYTE,
        f"a bare Textual app {middle(taken_bare):.2f} s",
    )


def a_thousand_sets() -> Figure:
    """Sorting and filtering a list of 1,000 sets."""
    with engine() as (client, _):
        for start in range(0, 1000, 100):
            documents = [document(f"set-{n:03}", 1, **{"create-seconds": "0"}) for n in range(start, start + 100)]
            client.command("apply", {"documents": documents, "file": "sets.json"})
        wait_for(lambda: client.query("engine", {})["sets"] == 1000)
        time.sleep(3)
        with cockpit_on(client) as terminal:
            terminal.shows("set-000", "live")
            terminal.quiet()
            sorts = []
            for _ in range(8):
                sorts.append(answered(terminal, "o"))
                terminal.quiet()
            filters = []
            terminal.press("/")
            for digit, shown in (("9", "set-099"), ("8", "set-098"), ("7", "set-987")):
                filters.append(answered(terminal, digit, shown))
                terminal.quiet()
    worst = max(*sorts, *filters)
    return Figure(
        "1,000 sets: sort and filter, slowest",
        f"{worst * 1000:.0f} ms",
        "<= 100 ms",
        worst <= 0.1,
        f"sort median {middle(sorts) * 1000:.0f} ms, filter median {middle(filters) * 1000:.0f} ms",
    )


FIGURES = (keys_under_load, bytes_under_load, processor_under_load, idle_cockpit, first_paint, a_thousand_sets)
