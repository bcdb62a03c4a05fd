"""Change one thing at a time in engine/decide and see whether a test notices: mutation testing with cosmic-ray.

Works on a copy of the checkout, in one process. Prints the share of changes that were noticed, module by module, and
each change that was not. Exit code 1 when less than 90 % of all were noticed.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import py_compile
import random
import shlex
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import time
from contextlib import closing
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
AIM = 0.9
MOST_S = 120
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


def test_command(module: str) -> str:
    """The module's own tests first; those of the whole core and the state machine where they notice nothing."""
    pytest = f"{shlex.quote(sys.executable)} -m pytest -q -x -p no:cacheprovider -W ignore::ImportWarning"
    own = f"tests/unit/decide/test_{module}.py"
    quick = "--deselect tests/unit/decide/test_estimate.py::test_the_truth_is_inside_the_range_in_75_to_85_of_100_runs"
    first = f"{pytest} {own} {quick} && " if (ROOT / own).exists() else ""
    rest = f"{pytest} tests/unit/decide {quick} && {pytest} tests/simulation/test_upgrade_machine.py"
    backtest = f" && {pytest} tests/unit/decide/test_estimate.py" if module in ("estimate", "draws") else ""
    return f"sh -c {shlex.quote(first + rest + backtest)}"


def copy_project(folder: Path) -> None:
    """Only what the tests need, compiled so that a change is seen whatever the clock says."""
    for name in ("engine", "tests/unit/decide", "tests/simulation"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "tests/conftest.py"):
        shutil.copy(ROOT / name, folder / name)
    compileall.compile_dir(folder, quiet=1, invalidation_mode=py_compile.PycInvalidationMode.CHECKED_HASH)


def mutate(folder: Path, module: str, share: float, dice: random.Random, cosmic_ray: str) -> tuple[int, int, list[str]]:
    """Changes noticed, changes tried, and the differences nobody noticed."""
    config, session = folder / f"{module}.toml", folder / f"{module}.sqlite"
    config.write_text(
        f'[cosmic-ray]\nmodule-path = "engine/decide/{module}.py"\ntimeout = {MOST_S}.0\nexcluded-modules = []\n'
        f'test-command = {json.dumps(test_command(module))}\n[cosmic-ray.distributor]\nname = "local"\n'
    )
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    subprocess.run([cosmic_ray, "init", config, session], cwd=folder, check=True, env=environment)
    with closing(sqlite3.connect(session)) as connection, connection:
        jobs = connection.execute("SELECT job_id, operator_name FROM mutation_specs ORDER BY rowid").fetchall()
        wanted = [job for job, operator in jobs if operator.removeprefix("core/") in KEPT]
        chosen = set(dice.sample(wanted, round(len(wanted) * share)))
        out = [(job,) for job, _ in jobs if job not in chosen]
        connection.executemany("DELETE FROM mutation_specs WHERE job_id=?", out)
        connection.executemany("DELETE FROM work_items WHERE job_id=?", out)
    subprocess.run([cosmic_ray, "exec", config, session], cwd=folder, check=True, env=environment)
    with closing(sqlite3.connect(session)) as connection:
        results = connection.execute("SELECT test_outcome, diff FROM work_results").fetchall()
    lived = [diff for outcome, diff in results if outcome == "SURVIVED"]
    return len(results) - len(lived), len(results), lived


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__)
    parser.add_argument("modules", nargs="*", help="modules of engine/decide, without .py; all of them when left out")
    parser.add_argument("--share", type=float, default=1.0, help="try this share (0 to 1) of the changes, by chance")
    parser.add_argument("--seed", type=int, default=0, help="another one tries others")
    parser.add_argument("--cosmic-ray", required=True, help=argparse.SUPPRESS)
    given = parser.parse_args()
    modules = given.modules or sorted(path.stem for path in (ROOT / "engine/decide").glob("[a-z]*.py"))
    noticed = tried = 0
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch)
        copy_project(folder)
        for module in modules:
            began = time.monotonic()
            dice = random.Random(f"{given.seed} {module}")
            seen, count, lived = mutate(folder, module, given.share, dice, given.cosmic_ray)
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
