"""/metrics: what a Prometheus server reads over the socket, in its text format 0.0.4."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from engine.control.streams import Requests
from engine.model.upgrade import MemberState, UpgradeState
from engine.model.version import VERSION
from engine.runtime.engine import Engine
from engine.runtime.measures import BUCKETS_S

Labels = Mapping[str, str]


def metrics_text(engine: Engine, seen: Requests, hooks_pending: int) -> str:
    """Every family with its help and type. Counters count since this engine started, gauges are as of now."""
    return "\n".join(_lines(engine, seen, hooks_pending)) + "\n"


def _lines(engine: Engine, seen: Requests, hooks_pending: int) -> Iterator[str]:
    upgrades = list(engine.state.upgrades.values())
    states = Counter(u.state for u in upgrades)
    members = Counter(m.state for u in upgrades if u.live for m in u.members.values())
    yield from family(
        "rollset_engine_info", "gauge", "The engine.", [({"version": VERSION, "epoch": str(engine.epoch)}, 1)]
    )
    yield from family(
        "rollset_upgrades",
        "gauge",
        "Upgrades by state.",
        [({"state": state.value}, states[state]) for state in UpgradeState],
    )
    yield from family(
        "rollset_members",
        "gauge",
        "Members of live upgrades by state.",
        [({"state": state.value}, members[state]) for state in MemberState],
    )
    yield from family("rollset_scale_sets", "gauge", "Scale sets.", [({}, len(engine.state.scale_sets))])
    yield from family(
        "rollset_blocked_seconds_total",
        "counter",
        "Seconds that live upgrades waited, by reason.",
        [({"reason": kind}, seconds) for kind, seconds in sorted(engine.measures.blocked_s.items())],
    )
    yield from _effects(engine)
    probes = engine.watch.pool.count if engine.watch is not None else 0
    yield from family("rollset_probes_total", "counter", "Health probes that were answered or failed.", [({}, probes)])
    yield from family("rollset_events_total", "counter", "Events in the log.", [({}, engine.head)])
    yield from family("rollset_streams", "gauge", "Clients that follow events.", [({}, seen.streams)])
    yield from family(
        "rollset_streams_dropped_total", "counter", "Clients dropped for not reading.", [({}, seen.dropped)]
    )
    yield from family(
        "rollset_effects_open", "gauge", "Acts on fleets that have begun.", [({}, len(engine.state.open_effects))]
    )
    yield from family("rollset_hooks_pending", "gauge", "Hook calls not delivered yet.", [({}, hooks_pending)])
    halted = int(engine.state.halt is not None)
    yield from family("rollset_halted", "gauge", "1 while upgrades are refused until a halt is lifted.", [({}, halted)])
    trouble = int(engine.guard.words is not None)
    yield from family("rollset_trouble", "gauge", "1 while the engine cannot write its store.", [({}, trouble)])


def _effects(engine: Engine) -> Iterator[str]:
    name = "rollset_effect_seconds"
    yield f"# HELP {name} How long acts on fleets took, by kind and outcome."
    yield f"# TYPE {name} histogram"
    for (kind, outcome), durations in sorted(engine.measures.effects.items()):
        labels = {"kind": kind, "outcome": outcome}
        for bound_s, count in zip(BUCKETS_S, durations.at_most, strict=True):
            yield sample(f"{name}_bucket", {**labels, "le": f"{bound_s:g}"}, count)
        yield sample(f"{name}_bucket", {**labels, "le": "+Inf"}, durations.count)
        yield sample(f"{name}_sum", labels, durations.total_s)
        yield sample(f"{name}_count", labels, durations.count)


def family(name: str, kind: str, words: str, samples: Iterable[tuple[Labels, float]]) -> Iterator[str]:
    """One metric with its samples."""
    yield f"# HELP {name} {words}"
    yield f"# TYPE {name} {kind}"
    for labels, value in samples:
        yield sample(name, labels, value)


def sample(name: str, labels: Labels, value: float) -> str:
    """One line; label values are escaped."""
    shown = ",".join(f'{key}="{_escaped(text)}"' for key, text in labels.items())
    return f"{name}{{{shown}}} {value!r}" if shown else f"{name} {value!r}"


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
