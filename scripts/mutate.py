"""Change one thing at a time in modules of engine/decide; see whether a test notices: `scripts/mutate choose_batch`.

Prints every change that no test noticed, and the share of those that were. All happens in copies of the checkout.
"""

from __future__ import annotations

import argparse
import ast
import copy
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

ROOT = Path(__file__).resolve().parents[1]
MOST_S = 120
OTHER: dict[type[ast.AST], type[ast.AST]] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Is: ast.IsNot,
    ast.IsNot: ast.Is,
    ast.In: ast.NotIn,
    ast.NotIn: ast.In,
    ast.And: ast.Or,
    ast.Or: ast.And,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
}


def changes(node: ast.AST) -> Iterator[tuple[str, ast.AST]]:
    """The ways to change one node: in words, and the node that takes its place."""
    if isinstance(node, ast.Compare):
        for place, operator in enumerate(node.ops):
            if type(operator) in OTHER:
                other = copy.deepcopy(node)
                other.ops[place] = OTHER[type(operator)]()  # type: ignore[call-overload]  # an operator for an operator
                yield "comparison", other
    elif isinstance(node, ast.BoolOp | ast.BinOp) and type(node.op) in OTHER:
        changed = copy.deepcopy(node)
        changed.op = OTHER[type(node.op)]()  # type: ignore[assignment]  # an operator for an operator
        yield "operator", changed
    elif isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not):
        yield "not", node.operand
    elif isinstance(node, ast.Constant) and isinstance(node.value, bool):
        yield "constant", ast.Constant(not node.value)
    elif isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield "constant", ast.Constant(node.value + 1)
    elif isinstance(node, ast.IfExp):
        yield "branches", ast.IfExp(node.test, node.orelse, node.body)


def mutants(source: str) -> Iterator[tuple[str, str]]:
    """Every changed source, with line, kind, and what stood there before and stands there now."""
    tree = ast.parse(source)
    for node in [x for x in ast.walk(tree) if isinstance(x, ast.expr)]:
        for kind, other in changes(node):
            yield f"line {node.lineno}: {kind}: {ast.unparse(node)} -> {ast.unparse(other)}", _with(tree, node, other)


def _with(tree: ast.Module, node: ast.expr, other: ast.AST) -> str:
    class Swap(ast.NodeTransformer):
        def visit(self, seen: ast.AST) -> ast.AST:
            return other if seen is node else super().generic_visit(seen)

    # The transformer works in place: on a copy in which the node itself is kept.
    whole = copy.deepcopy(tree, {id(node): node})
    return ast.unparse(ast.fix_missing_locations(Swap().visit(whole)))


def noticed(folder: Path, module: str, source: str) -> bool:
    """Whether the tests of the pure core fail on the changed module; one that never ends counts as failed."""
    target = folder / "engine" / "decide" / f"{module}.py"
    before = target.read_text(encoding="utf-8")
    target.write_text(source, encoding="utf-8")
    own = f"tests/unit/decide/test_{module}.py"
    first = [own] if (folder / own).exists() else []
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--timeout=20"]
    environment = os.environ | {"PYTHONDONTWRITEBYTECODE": "1"}
    try:
        for tests in (first, ["tests/unit/decide"], ["tests/simulation/test_upgrade_machine.py"]):
            if (
                tests
                and subprocess.run(
                    [*command, *tests], cwd=folder, env=environment, capture_output=True, timeout=MOST_S, check=False
                ).returncode
            ):
                return True
        return False
    except subprocess.TimeoutExpired:
        return True
    finally:
        target.write_text(before, encoding="utf-8")


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/mutate", description=__doc__)
    parser.add_argument("modules", nargs="+", help="modules of engine/decide, without .py")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        free: Queue[Path] = Queue()
        for number in range(given.workers):
            folder = Path(scratch, str(number))
            for name in ("engine", "tests/unit/decide", "tests/simulation"):
                shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
            for name in ("pyproject.toml", "tests/conftest.py"):
                shutil.copy(ROOT / name, folder / name)
            free.put(folder)

        def try_one(job: tuple[str, str, str]) -> bool:
            folder = free.get()
            try:
                return noticed(folder, job[0], job[2])
            finally:
                free.put(folder)

        lived = False
        for module in given.modules:
            source = (ROOT / "engine" / "decide" / f"{module}.py").read_text(encoding="utf-8")
            jobs = [(module, words, changed) for words, changed in mutants(source)]
            with ThreadPoolExecutor(given.workers) as pool:
                seen = list(pool.map(try_one, jobs))
            survivors = [words for (_, words, _), was in zip(jobs, seen, strict=True) if not was]
            lived = lived or bool(survivors)
            print(f"{module}: {sum(seen)} of {len(jobs)} changes noticed ({100 * sum(seen) // max(1, len(jobs))} %)")
            print("".join(f"  {words}\n" for words in survivors), end="", flush=True)
        return 1 if lived else 0


if __name__ == "__main__":
    sys.exit(main())
