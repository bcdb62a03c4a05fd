"""Random upgrades by seed: many on all cores, or one with its trace. A failing one is made smaller.

On the pure core, or with --engine on the real engine and its real store in virtual time.

python -m tests.simulation.simulate 10000
python -m tests.simulation.simulate 1 --seed 4711 --trace
python -m tests.simulation.simulate 500 --engine
"""

from __future__ import annotations

import argparse
import hashlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from multiprocessing import get_context

from tests.simulation import engine_story
from tests.simulation.engine_story import FAILED, run_story
from tests.simulation.pure_world import PureWorld
from tests.simulation.recipe import TROUBLES, Recipe, draw_recipe

REPLAY_EVERY = 20
CHUNK = 250
STORIES_CHUNK = 5
MOST_SHRINKING_S = 60.0


@dataclass(slots=True)
class Tally:
    """What came of a range of seeds: how upgrades ended, how many events that took, and which seeds failed why."""

    ended: Counter[str] = field(default_factory=Counter)
    events: int = 0
    failures: dict[int, str] = field(default_factory=dict)

    def add(self, other: Tally) -> None:
        self.ended += other.ended
        self.events += other.events
        self.failures |= other.failures


def failure_of(recipe: Recipe, *, replay: bool = True) -> str | None:
    """Why a recipe fails, in one line; None when all holds."""
    try:
        world = PureWorld(recipe)
        world.run()
        if replay:
            world.replay()
    except Exception as error:  # noqa: BLE001  # whatever goes wrong is what is looked for
        return f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
    return None


def run_range(first: int, end: int) -> Tally:
    """All seeds from `first` to before `end`, in this process."""
    tally = Tally()
    for seed in range(first, end):
        world = PureWorld(draw_recipe(seed))
        try:
            tally.ended[world.run().state.value] += 1
            if seed % REPLAY_EVERY == 0:
                world.replay()
        except Exception as error:  # noqa: BLE001  # the other seeds are worth running too
            tally.failures[seed] = f"{type(error).__name__}: {' '.join(str(error).split())[:400]}"
        tally.events += len(world.trace)
    return tally


def run_many(first: int, count: int, workers: int | None = None) -> Tally:
    """Seeds over all cores. Fresh processes, so that neither threads nor tracing of this one are inherited."""
    return _over_all_cores(run_range, first, count, CHUNK, workers)


def _over_all_cores(run: Callable[[int, int], Tally], first: int, count: int, chunk: int, workers: int | None) -> Tally:
    chunks = [(start, min(start + chunk, first + count)) for start in range(first, first + count, chunk)]
    tally = Tally()
    with ProcessPoolExecutor(workers or os.cpu_count() or 1, mp_context=get_context("spawn")) as pool:
        for part in pool.map(run, *zip(*chunks, strict=True)):
            tally.add(part)
    return tally


def stories_in(first: int, end: int) -> Tally:
    """All stories of the real engine from `first` to before `end`, in this process."""
    tally = Tally()
    for seed in range(first, end):
        found, log = run_story(seed, keep_log=True)
        tally.events += len(log)
        if found.startswith(FAILED):
            tally.failures[seed] = found
        else:
            tally.ended[found] += 1
    return tally


def run_stories(first: int, count: int, workers: int | None = None) -> Tally:
    """Stories of the real engine over all cores."""
    return _over_all_cores(stories_in, first, count, STORIES_CHUNK, workers)


def how_to_repeat_story(failures: dict[int, str]) -> str:
    """As `how_to_repeat`, of stories of the real engine: fewer instances and kinds of trouble, while it still fails."""
    seed = min(failures)
    until = time.monotonic() + MOST_SHRINKING_S
    without: list[str] = []
    for trouble in engine_story.TROUBLES:
        if time.monotonic() < until and run_story(seed, without=[*without, trouble])[0].startswith(FAILED):
            without.append(trouble)
    instances: int | None = None
    for size in range(1, engine_story.MOST_INSTANCES):
        if time.monotonic() >= until:
            break
        if run_story(seed, instances=size, without=without)[0].startswith(FAILED):
            instances = size
            break
    options = "".join(f" --without {name}" for name in without)
    options += f" --instances {instances}" if instances is not None else ""
    lines = [f"{len(failures)} seed(s) failed, the first of them:"]
    lines += [f"  {name}: {why}" for name, why in sorted(failures.items())[:5]]
    return "\n".join(
        [
            *lines,
            "run it again, as small as it was found to fail:",
            f"  scripts/simulate 1 --engine --seed {seed}{options} --trace",
        ]
    )


def shrink(recipe: Recipe) -> Recipe:
    """The smallest recipe found that still fails, within a minute: fewer instances, less trouble, fewer commands."""
    until = time.monotonic() + MOST_SHRINKING_S
    while time.monotonic() < until:
        smaller = next((r for r in recipe.smaller() if failure_of(r) is not None), None)
        if smaller is None:
            break
        recipe = smaller
    return recipe


def trace_lines(world: PureWorld) -> Iterator[str]:
    """One line an event: seconds, kind, what it says."""
    for now, event in world.trace:
        text = repr(event)
        yield f"{now.at:10.0f}  {text if len(text) <= 240 else text[:240] + '...'}"


def trace_digest(seeds: Iterable[int]) -> str:
    """A name for everything that happens under these seeds: the same on every machine and in every process."""
    digest = hashlib.sha256()
    for seed in seeds:
        world = PureWorld(draw_recipe(seed))
        world.run()
        for line in trace_lines(world):
            digest.update(line.encode())
    return digest.hexdigest()


def how_to_repeat(failures: dict[int, str]) -> str:
    """What a failing run prints: the reasons, and the command that shows the first one as small as it gets."""
    seed = min(failures)
    small = shrink(draw_recipe(seed))
    lines = [f"{len(failures)} seed(s) failed, the first of them:"]
    lines += [f"  {name}: {why}" for name, why in sorted(failures.items())[:5]]
    lines += ["run it again, as small as it was found to fail:", f"  scripts/simulate 1 {small.words()} --trace"]
    return "\n".join(lines)


def _arguments(argv: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/simulate", description="Random upgrades by seed.")
    parser.add_argument("--engine", action="store_true", help="the real engine and store in virtual time")
    parser.add_argument("count", type=int, nargs="?", default=1000, help="how many seeds")
    parser.add_argument("--seed", type=int, default=0, help="the first seed")
    parser.add_argument("--trace", action="store_true", help="print every event (of one seed)")
    parser.add_argument("--instances", type=int, help="of one seed: another size of its fleet")
    parser.add_argument("--commands", type=int, help="of one seed: at most so many commands of operators")
    parser.add_argument("--without", action="append", default=[], help="of one seed: a trouble less")
    return parser.parse_args(argv)


def main(argv: list[str] | None = None) -> int:
    """0 when every upgrade ended with all invariants, else 1."""
    given = _arguments(argv)
    known = engine_story.TROUBLES if given.engine else TROUBLES
    if unknown := [name for name in given.without if name not in known]:
        print(f"--without {unknown[0]} is none of {', '.join(known)}", file=sys.stderr)
        return 2
    if given.engine and given.count == 1:
        return _one_story(given)
    if given.count > 1:
        began = time.monotonic()
        tally = (run_stories if given.engine else run_many)(given.seed, given.count)
        took = time.monotonic() - began
        ended = ", ".join(f"{name} {number}" for name, number in sorted(tally.ended.items()))
        print(f"{given.count} upgrades, {tally.events} events in {took:.0f} s: {ended}")
        if tally.failures:
            print((how_to_repeat_story if given.engine else how_to_repeat)(tally.failures))
        return 1 if tally.failures else 0
    recipe = replace(draw_recipe(given.seed).without(*given.without), commands=given.commands)
    if given.instances is not None:
        recipe = replace(recipe, instances=given.instances)
    world = PureWorld(recipe)
    try:
        print(f"{recipe}\n{world.run().state.value} after {len(world.trace)} events")
        world.replay()
        return 0
    except Exception as error:  # noqa: BLE001  # the trace is what is asked for
        print(f"{recipe}\n{type(error).__name__}: {error}")
        return 1
    finally:
        if given.trace:
            print("\n".join(trace_lines(world)))


def _one_story(given: argparse.Namespace) -> int:
    found, log = run_story(given.seed, instances=given.instances, without=given.without, keep_log=True)
    print("\n".join([*(log if given.trace else ()), f"seed {given.seed}: {found}"]))
    return 1 if found.startswith(FAILED) else 0


if __name__ == "__main__":
    sys.exit(main())
