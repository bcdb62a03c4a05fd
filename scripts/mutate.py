"""Change one thing at a time in engine/decide and see whether a test notices: mutation testing with cosmic-ray.

Works on a copy of the checkout, one change after the other. Prints the share of changes that were noticed, module by
module, and each change that was not. Exit code 1 when less than 90 % of all were noticed.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import gc
import importlib
import json
import os
import pkgutil
import py_compile
import random
import re
import resource
import select
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
AIM = 0.9
PATIENCE = 5
"""A change that makes the tests take so many times their time (and 10 s of a core more) is noticed by that."""
MOST_BYTES = 4 << 30
KEPT = (
    "AddNot",
    "ExceptionReplacer",
    "NumberReplacer",
    "ReplaceAndWithOr",
    "ReplaceBinaryOperator_Add_Sub",
    "ReplaceBinaryOperator_Div_Mul",
    "ReplaceBinaryOperator_FloorDiv_Mul",
    "ReplaceBinaryOperator_Mod_Mul",
    "ReplaceBinaryOperator_Mul_Div",
    "ReplaceBinaryOperator_Sub_Add",
    "ReplaceBreakWithContinue",
    "ReplaceComparisonOperator_Eq_NotEq",
    "ReplaceComparisonOperator_GtE_Gt",
    "ReplaceComparisonOperator_Gt_GtE",
    "ReplaceComparisonOperator_In_NotIn",
    "ReplaceComparisonOperator_Is_IsNot",
    "ReplaceComparisonOperator_IsNot_Is",
    "ReplaceComparisonOperator_LtE_Lt",
    "ReplaceComparisonOperator_Lt_LtE",
    "ReplaceComparisonOperator_NotEq_Eq",
    "ReplaceComparisonOperator_NotIn_In",
    "ReplaceContinueWithBreak",
    "ReplaceFalseWithTrue",
    "ReplaceOrWithAnd",
    "ReplaceTrueWithFalse",
    "ReplaceUnaryOperator_Delete_Not",
    "ReplaceUnaryOperator_USub_UAdd",
    "ZeroIterationForLoop",
)
"""Operators of cosmic-ray whose changes a reader could have made: one comparison for its neighbour, not for all others
(`is` for `<`), and none on the `|` of annotations."""

CORE, SIMULATION = "tests/unit/decide", "tests/simulation/test_upgrade_machine.py"
SLOW = (
    f"{CORE}/test_rehearse.py::test_a_share_is_drawn_many_times_and_small_sets_more_often",
    f"{CORE}/test_rehearse.py::test_a_thousand_instances_take_two_seconds_at_most",
    f"{CORE}/test_estimate.py::test_the_truth_is_inside_the_range_in_75_to_85_of_100_runs",
)
"""Tests of seconds: last, and only for the modules they are about."""
ABOUT_TIMES = ("draws", "estimate", "rehearse", "twin")
"""What the other modules decide, rehearsals only repeat."""


def stages(folder: Path, module: str, near_only: bool) -> list[list[str]]:
    """Arguments of pytest, one list after the other as long as nothing is noticed.

    First the files that bear the module's name, then those that import it, then the whole core, then the state machine.
    Rehearsals are asked only where times are decided: they take as long as all others together.
    """
    files = {f"{CORE}/{file.name}": file for file in sorted((folder / CORE).glob("test_*.py"))}
    quick = [f"--deselect={test}" for test in SLOW]
    uses = re.compile(rf"from engine\.decide\.{module} import|from engine\.decide import .*\b{module}\b")
    named = [name for name, file in files.items() if re.fullmatch(rf"test_{module}(_\w+)?", file.stem)]
    using = [name for name, file in files.items() if name not in named and uses.search(file.read_text())]
    found = [[*chosen, *quick] for chosen in (named, using) if chosen]
    if near_only and found:
        return found
    about_times = module in ABOUT_TIMES
    rest = [name for name in files if name not in (*named, *using)]
    rest = [name for name in rest if about_times or not re.search(r"test_(estimate|rehearse|twin)", name)]
    found += [[*rest, *quick], [SIMULATION]]
    return [*found, [*SLOW]] if about_times else found


def copy_project(folder: Path) -> None:
    """Only what the tests need, compiled so that a change is seen whatever the clock says."""
    for name in ("engine", CORE, "tests/simulation"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    # The core touches no environment, so its tests need none of their own; neither do they need what costs time.
    (folder / "tests/conftest.py").write_text(
        "import pytest\n\n@pytest.fixture(scope='session')\ndef long_run():\n    return False\n"
    )
    left_out = " ".join(f"-p no:{name}" for name in ("cacheprovider", "logging", "unraisableexception"))
    (folder / "pytest.ini").write_text(
        f"[pytest]\npythonpath = .\naddopts = --import-mode=importlib -q -x --tb=line {left_out}\n"
        "markers =\n  long\n  timeout\n"
    )
    compileall.compile_dir(folder / "engine", quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


def load_what_stays(folder: Path) -> None:
    """Everything but engine.decide and the tests is imported once; each try is a fork of this process."""
    os.environ["PYTEST_DISABLE_PLUGIN_AUTOLOAD"] = "1"
    os.chdir(folder)
    sys.path.insert(0, str(folder))
    model = importlib.import_module("engine.model")
    others = ("hypothesis.stateful", "hypothesis.strategies", "statistics", "decimal", "fractions", "unittest.mock")
    for name in (*others, *(found.name for found in pkgutil.walk_packages(model.__path__, "engine.model."))):
        importlib.import_module(name)
    gc.freeze()


@dataclass(frozen=True, slots=True)
class Try:
    passed: bool
    cpu_s: float


def run_tests(arguments: Sequence[str], most_cpu_s: int) -> Try:
    """One run of pytest in a child; a child that loops, or asks for all the memory there is, has not passed."""
    child = os.fork()
    if child == 0:
        code = 1
        try:
            resource.setrlimit(resource.RLIMIT_CPU, (most_cpu_s, most_cpu_s))
            resource.setrlimit(resource.RLIMIT_AS, (MOST_BYTES, MOST_BYTES))
            log = os.open("tests.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
            os.dup2(log, 1)
            os.dup2(log, 2)
            code = int(pytest.main([*arguments]))
        finally:
            os._exit(code)
    _, status, usage = os.wait4(child, 0)
    return Try(status == 0, usage.ru_utime + usage.ru_stime)


class Tests:
    """The tests of one module, stage by stage, asked by cosmic-ray through two named pipes."""

    def __init__(self, chosen: list[list[str]]) -> None:
        self.stages = chosen
        self.limits = []
        for arguments in self.stages:
            usual = run_tests(arguments, 3600)
            if not usual.passed:
                raise SystemExit(f"{' '.join(arguments)} fails without a change:\n{Path('tests.log').read_text()}")
            self.limits.append(round(PATIENCE * usual.cpu_s) + 10)

    def pass_all(self) -> bool:
        return all(run_tests(tests, most).passed for tests, most in zip(self.stages, self.limits, strict=True))

    def answer(self, process: subprocess.Popen[bytes]) -> None:
        """Until the process has ended."""
        asked = os.open("ask", os.O_RDWR)
        try:
            while process.poll() is None:
                if select.select([asked], [], [], 0.2)[0] and os.read(asked, 1):
                    code = "0" if self.pass_all() else "1"
                    Path("told").write_text(f"{code}\n")
        finally:
            os.close(asked)


def unseen_by_nature(source: str) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
    """From where to where a change does nothing at all: annotations, and decorators (slots, frozen)."""
    for node in ast.walk(ast.parse(source)):
        parts = list(getattr(node, "decorator_list", ()))
        parts += [getattr(node, name, None) for name in ("annotation", "returns")]
        for part in parts:
            if isinstance(part, ast.expr):
                yield (part.lineno, part.col_offset), (part.end_lineno or 0, part.end_col_offset or 0)


def lines_that_lived(output: Path, module: str) -> set[str]:
    """The lines of a module on which a former output lists changes that nobody noticed."""
    found: set[str] = set()
    inside = False
    for line in output.read_text().splitlines():
        if not line.startswith(" "):
            inside = line.startswith(f"{module}:")
        elif inside and line.startswith("    -"):
            found.add(line[5:].strip())
    return found


def worth_trying(source: str, changes: Sequence[tuple[str, str, int, int]], only: set[str] | None) -> list[str]:
    """Ids of those changes that a reader could have made and a test could see; `only` are the lines to look at."""
    unseen = list(unseen_by_nature(source))
    lines = source.splitlines()
    found = []
    for job, operator, line, column in changes:
        place = (line, column)
        # The star before arguments by name is no multiplication.
        star = re.match(r"\*\s*,", lines[line - 1][column:]) or lines[line - 1].strip() == "*,"
        wanted = operator.removeprefix("core/") in KEPT and (only is None or lines[line - 1].strip() in only)
        if wanted and not star and not any(a <= place < b for a, b in unseen):
            found.append(job)
    return found


def mutate(folder: Path, module: str, given: argparse.Namespace) -> tuple[int, int, list[str]]:
    """Changes noticed, changes tried, and the differences nobody noticed."""
    config, session = folder / f"{module}.toml", folder / f"{module}.sqlite"
    ask = "sh -c 'echo >ask && read code <told && exit $code'"
    config.write_text(
        f'[cosmic-ray]\nmodule-path = "engine/decide/{module}.py"\ntimeout = 3600.0\nexcluded-modules = []\n'
        f'test-command = {json.dumps(ask)}\n[cosmic-ray.distributor]\nname = "local"\n'
    )
    subprocess.run([given.cosmic_ray, "init", config, session], cwd=folder, check=True)
    source = (folder / f"engine/decide/{module}.py").read_text()
    with closing(sqlite3.connect(session)) as connection, connection:
        columns = "job_id, operator_name, start_pos_row, start_pos_col"
        changes = connection.execute(f"SELECT {columns} FROM mutation_specs ORDER BY rowid").fetchall()
        wanted = worth_trying(source, changes, lines_that_lived(given.again, module) if given.again else None)
        dice = random.Random(f"{given.seed} {module}")
        chosen = set(dice.sample(wanted, round(len(wanted) * given.share)))
        out = [(job,) for job, *_ in changes if job not in chosen]
        connection.executemany("DELETE FROM mutation_specs WHERE job_id=?", out)
        connection.executemany("DELETE FROM work_items WHERE job_id=?", out)
    tests = Tests(stages(folder, module, given.near))
    with subprocess.Popen([given.cosmic_ray, "exec", config, session], cwd=folder) as process:
        tests.answer(process)
    with closing(sqlite3.connect(session)) as connection:
        results = connection.execute("SELECT test_outcome, diff FROM work_results").fetchall()
    if len(results) != len(chosen) or process.returncode:
        raise SystemExit(f"cosmic-ray ended early: {len(results)} of {len(chosen)} changes of {module} tried")
    lived = [diff for outcome, diff in results if outcome == "SURVIVED"]
    return len(results) - len(lived), len(results), lived


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__)
    parser.add_argument("modules", nargs="*", help="modules of engine/decide, without .py; all of them when left out")
    parser.add_argument("--share", type=float, default=1.0, help="try this share (0 to 1) of the changes, by chance")
    parser.add_argument("--seed", type=int, default=0, help="another one tries others")
    parser.add_argument("--again", type=Path, help="only changes on lines that this former output lists")
    parser.add_argument("--near", action="store_true", help="ask only the tests beside a module: quick, and stricter")
    parser.add_argument("--cosmic-ray", required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    modules = given.modules or sorted(path.stem for path in (ROOT / "engine/decide").glob("[a-z]*.py"))
    noticed = tried = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        copy_project(folder)
        os.mkfifo(folder / "ask")
        os.mkfifo(folder / "told")
        load_what_stays(folder)
        for module in modules:
            began = time.monotonic()
            seen, count, lived = mutate(folder, module, given)
            noticed, tried = noticed + seen, tried + count
            print(f"{module}: {seen} of {count} changes noticed, {time.monotonic() - began:.0f} s", flush=True)
            for diff in lived:
                lines = [line for line in diff.splitlines() if line[:3] not in ("---", "+++")]
                place = next((line for line in lines if line.startswith("@@")), "")
                changed = [line for line in lines if line[:1] in "+-"]
                print("\n".join([f"  {place}", *(f"    {line}" for line in changed)]), flush=True)
    print(f"{noticed} of {tried} changes noticed: {100 * noticed / max(1, tried):.1f} %")
    return 0 if noticed >= AIM * tried else 1


if __name__ == "__main__":
    sys.exit(main())
