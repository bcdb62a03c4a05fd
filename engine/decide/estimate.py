"""When an upgrade ends, as a range that holds the truth in 8 of 10 runs.

One member's time is taken as lognormal. What past runs of the set took is the prior; each run has a pace of its own
beside it (RUN_SPREAD); what this run has shown so far, members that are still under way included, moves it from there.
A batch takes as long as its slowest member, so the end is drawn many times and the middle 80 % are told.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from engine.decide.draws import chance, gauss, normal_quantile, quantile
from engine.model.upgrade import AWAITING, DOING, Direction, Member, MemberState, Now, Upgrade

ASSUMED_MEDIAN_S = 20.0
ASSUMED_SPREAD = 0.6
RUN_SPREAD = 0.1
"""By how much the pace of one run differs from that of another (sigma of its logarithm), until runs have shown it."""
RUNS_REMEMBERED = 5
DRAWS = 160
LOW, HIGH = 0.1, 0.9
LATE = 0.99
"""A batch is late once it takes longer than this share of such batches would."""
SLOWEST = 2.5
"""So many sigmas above what was known a member under way may be and still tell of the pace of its run."""
RESTORE_PART = 0.9
_STEPS = [(i + 0.5) / 24 for i in range(24)]


@dataclass(frozen=True, slots=True)
class Pace:
    """What is known of one member's time before a run: lognormal with `mean_log` and `spread`, from `count` members.

    `failing` is the share of members that failed; `origin` says in words where the numbers come from.
    """

    mean_log: float = math.log(ASSUMED_MEDIAN_S)
    spread: float = ASSUMED_SPREAD
    count: float = 1.0
    run_spread: float = 1.0
    failing: float = 0.0
    origin: str = f"assumed: {ASSUMED_MEDIAN_S:g} s a member, as this set was never upgraded"


ASSUMED = Pace()
ASSUMED_LOCAL_MEDIAN_S = 2.0
"""A process with a directory for its disk, where a machine would boot."""


def member_times(upgrade: Upgrade) -> list[float]:
    """How long the members took that succeeded forward, in seconds from the beginning of their batch."""
    found = []
    for member in upgrade.members.values():
        if member.state is MemberState.SUCCEEDED and member.batch is not None:
            took = member.since_at - upgrade.batches[member.batch - 1].began_at
            if took > 0:
                found.append(took)
    return found


def assumed_pace(fleet: str) -> Pace:
    """What a set of this fleet is taken to need before it was ever upgraded."""
    if fleet != "local":
        return ASSUMED
    origin = f"assumed: {ASSUMED_LOCAL_MEDIAN_S:g} s a member, as this set was never upgraded"
    return replace(ASSUMED, mean_log=math.log(ASSUMED_LOCAL_MEDIAN_S), origin=origin)


def learn_pace(upgrades: Iterable[Upgrade], fleet: str = "") -> Pace:
    """The pace of a set of this fleet from its ended upgrades; the newest RUNS_REMEMBERED count."""
    ended = sorted((u for u in upgrades if not u.live), key=lambda u: u.started_at, reverse=True)
    runs = [(u, logs) for u in ended if len(logs := [math.log(t) for t in member_times(u)]) > 1][:RUNS_REMEMBERED]
    if not runs:
        return assumed_pace(fleet)
    means = [sum(logs) / len(logs) for _, logs in runs]
    count = sum(len(logs) for _, logs in runs)
    squares = sum((x - mean) ** 2 for (_, logs), mean in zip(runs, means, strict=True) for x in logs)
    spread = math.sqrt((squares + 2 * ASSUMED_SPREAD**2 / 4) / (count - len(runs) + 2))
    mean_log = sum(means) / len(means)
    touched = [m for u, _ in runs for m in u.members.values() if m.replaced]
    failed = sum(m.judged_failed for m in touched)
    what = f"{len(runs)} upgrade{'s' if len(runs) > 1 else ''} of this set, {count} members"
    return Pace(
        mean_log,
        spread,
        float(count),
        _run_spread(means, spread, count / len(runs)),
        failed / len(touched) if touched else 0.0,
        f"the last {what}: {math.exp(mean_log):.3g} s in the middle",
    )


def _run_spread(means: Sequence[float], spread: float, members: float) -> float:
    """How runs differ; of a few runs little can be said, so RUN_SPREAD counts as four of them."""
    middle = sum(means) / len(means)
    seen = sum((mean - middle) ** 2 for mean in means)
    sampling = (len(means) - 1) * spread**2 / members
    variance = (4 * RUN_SPREAD**2 + max(0.0, seen - sampling)) / (3 + len(means))
    return math.sqrt(variance * (1 + 1 / len(means)))


@dataclass(frozen=True, slots=True)
class Belief:
    """The pace of this run: the mean of log times is `mean` give or take `error`, their sigma `spread` of `freedom`."""

    mean: float
    error: float
    spread: float
    freedom: float


def believe(pace: Pace, ended_s: Sequence[float], flying_s: Sequence[float]) -> Belief:
    """What the prior and this run say together; `flying_s` are ages of members that have not ended."""
    logs = [math.log(t) for t in ended_s if t > 0]
    ages = Counter(round(math.log(max(age, 0.01)), 2) for age in flying_s)
    known = max(3.0, pace.count - 1)
    prior = pace.run_spread**2 + pace.spread**2 / pace.count
    mean, spread = pace.mean_log, pace.spread
    weight = 1 / prior
    for _ in range(12 if logs or ages else 0):
        variance = spread**2
        weight = 1 / prior + len(logs) / variance
        pull = pace.mean_log / prior + sum(logs) / variance
        squares = known * pace.spread**2
        for age, count in ages.items():
            z = (age - mean) / spread
            hazard = _hazard(z)
            part = max(1e-9, hazard * (hazard - z))
            weight += count * part / variance
            pull += count * (part * mean + spread * hazard) / variance
            squares += count * variance * (1 + z * hazard)
        mean = pull / weight
        squares += sum((x - mean) ** 2 for x in logs)
        spread = math.sqrt(squares / (known + len(logs) + len(flying_s)))
    return Belief(mean, math.sqrt(1 / weight), spread, known + len(logs))


def _hazard(z: float) -> float:
    """The density of the standard normal over what is left above z."""
    left = 0.5 * math.erfc(z / math.sqrt(2))
    return z + 1 / z if left < 1e-12 else math.exp(-z * z / 2) / math.sqrt(2 * math.pi) / left


@dataclass(frozen=True, slots=True)
class Course:
    """What is left of a run: ages of the members under way, sizes of the batches to come, seconds of pauses.

    `failing` is the share of members that will fail; `windows` counts batches that are known to wait a health window
    out and to restore a member. `window_left_s`: nothing is left of the open batch but members that wait for health,
    and after so many seconds none of them waits any more.
    """

    flying_s: Sequence[float]
    batches: Sequence[int]
    pauses_s: float = 0.0
    health_window_s: float = 300.0
    failing: float = 0.0
    windows: int = 0
    window_left_s: float | None = None


def time_left(belief: Belief, course: Course, *, draws: int | None = None, seed: str = "eta") -> list[float]:
    """Seconds to the end, drawn `draws` times (DRAWS when not said), in order."""
    found = []
    sizes = Counter(course.batches)
    steps = {size: [normal_quantile(u ** (1 / size)) for u in _STEPS] for size, count in sizes.items() if count > 3}
    ages = Counter(round(age, 1) for age in course.flying_s)
    for draw in range(DRAWS if draws is None else draws):
        mean = belief.mean + belief.error * gauss(seed, draw, "mean")
        spread = belief.spread * _spread_factor(belief.freedom, gauss(seed, draw, "spread"))
        total = (
            course.pauses_s + course.windows * _window_s(course, mean) + _rest(ages, mean, spread, course, (seed, draw))
        )
        for size, count in sizes.items():
            total += _batches(size, count, steps.get(size), mean, spread, course, (seed, draw))
        found.append(total)
    return sorted(found)


def _spread_factor(freedom: float, z: float) -> float:
    """By what the true sigma differs from the seen one (Wilson and Hilferty on chi squared)."""
    part = 1 - 2 / (9 * freedom) + z * math.sqrt(2 / (9 * freedom))
    return 1 / math.sqrt(max(part, 0.2) ** 3)


def _rest(ages: Counter[float], mean: float, spread: float, course: Course, key: tuple[object, ...]) -> float:
    """The longest that members under way still take."""
    longest = 0.0
    for age, count in ages.items():
        below = 0.5 * math.erfc(-((math.log(max(age, 0.01)) - mean) / spread) / math.sqrt(2))
        u = below + chance(*key, "rest", age) ** (1 / count) * (1 - below)
        end = math.exp(mean + spread * normal_quantile(u))
        longest = max(longest, end - age)
    if course.window_left_s is not None:
        longest = min(longest, course.window_left_s + RESTORE_PART * math.exp(mean))
    return longest


def _batches(
    size: int,
    count: int,
    steps: list[float] | None,
    mean: float,
    spread: float,
    course: Course,
    key: tuple[object, ...],
) -> float:
    """Seconds of `count` batches of `size`, one after the other: few are drawn, many are summed up."""
    if steps is None:
        times = [math.exp(mean + spread * normal_quantile(chance(*key, size, n) ** (1 / size))) for n in range(count)]
        total = sum(times)
    else:
        times = [math.exp(mean + spread * z) for z in steps]
        middle = sum(times) / len(times)
        variance = sum((t - middle) ** 2 for t in times) / len(times)
        total = count * middle + math.sqrt(count * variance) * gauss(*key, size)
    unlucky = count * (1 - (1 - course.failing) ** size)
    return total + unlucky * _window_s(course, mean)


def _window_s(course: Course, mean: float) -> float:
    """What a member that fails adds to its batch."""
    return course.health_window_s + RESTORE_PART * math.exp(mean)


def course_of(upgrade: Upgrade, sizes: Sequence[int], now: Now) -> Course:
    """What is left of a live run. `sizes` are those of the batches to come."""
    batch = upgrade.open_batch
    flying = [m for m in upgrade.members.values() if m.state in DOING]
    age = max(0.0, now.at - batch.began_at) if batch is not None else 0.0
    pause = upgrade.settings.policy.pause_between_batches_s
    waiting = max(0.0, upgrade.next_batch_clock - now.clock) if batch is None else pause if sizes else 0.0
    touched = [m for m in upgrade.members.values() if m.replaced]
    failed = sum(m.judged_failed for m in touched)
    return Course(
        [age] * len(flying),
        sizes,
        pause * max(0, len(sizes) - 1) + waiting,
        upgrade.settings.health_window_s,
        failed / (len(touched) + 1) if failed and upgrade.direction is Direction.FORWARD else 0.0,
        window_left_s=_window_left_s(upgrade, flying, now),
    )


def _window_left_s(upgrade: Upgrade, flying: Sequence[Member], now: Now) -> float | None:
    """Seconds until the last of the members that wait for health is judged; None where some are not as far."""
    if not flying or any(m.state not in AWAITING for m in flying):
        return None
    return max(0.0, max(m.since_clock for m in flying) + upgrade.settings.health_window_s - now.clock)


def eta_range(upgrade: Upgrade, pace: Pace, sizes: Sequence[int], now: Now) -> tuple[float, float] | None:
    """Unix seconds between which the run ends with 80 % confidence; None while it is held or waits for a person."""
    if not upgrade.live or upgrade.holds or upgrade.cancelling:
        return None
    if not sizes and upgrade.held():
        return None
    course = course_of(upgrade, sizes, now)
    # One that takes this long is sick rather than slow: it says nothing about the others.
    slowest_s = math.exp(pace.mean_log + SLOWEST * math.hypot(pace.spread, pace.run_spread))
    flying_s = [min(age, slowest_s) for age in course.flying_s]
    left = time_left(believe(pace, member_times(upgrade), flying_s), course)
    start = max(now.at, upgrade.starts_not_before_at or 0.0)
    return start + quantile(left, LOW), start + quantile(left, HIGH)


def plan_range(pace: Pace, sizes: Sequence[int], pause_s: float) -> tuple[float, float]:
    """Seconds between which an upgrade with these batches ends with 80 % confidence."""
    if not sizes:
        return 0.0, 0.0
    course = Course((), sizes, pause_s * max(0, len(sizes) - 1))
    left = time_left(believe(pace, (), ()), course)
    return quantile(left, LOW), quantile(left, HIGH)


def late_after_s(upgrade: Upgrade, pace: Pace) -> float | None:
    """So long may the running batch take before it is late; None when no batch runs."""
    batch = upgrade.open_batch
    if batch is None:
        return None
    times = [
        m.since_at - upgrade.batches[m.batch - 1].began_at
        for m in upgrade.members.values()
        if m.state is MemberState.SUCCEEDED and m.batch is not None and m.batch != batch.number
    ]
    belief = believe(pace, times, ())
    return quantile(time_left(belief, Course((), (len(batch.members),)), seed="late"), LATE)
