"""Put deliberate faults into a copy of the engine, one at a time, and see that the named tests go red.

Exit code 0 when every fault was caught, 1 when one slipped through, 2 when the list does not fit the code any more.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MOST_S = 300
LIST = Path(__file__).with_name("faults.toml")


@dataclass(frozen=True, slots=True)
class Fault:
    """`old` in `file` becomes `new`; then at least one of `tests` has to fail."""

    name: str
    file: str
    old: str
    new: str
    tests: tuple[str, ...]


def read_faults() -> list[Fault]:
    """The list beside this file."""
    found = tomllib.loads(LIST.read_text(encoding="utf-8"))["fault"]
    return [Fault(x["name"], x["file"], x["old"], x["new"], tuple(x["tests"])) for x in found]


def copy_project(target: Path) -> None:
    """The files that git tracks, and nothing else."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, check=True, capture_output=True, text=True).stdout
    for name in filter(None, listed.split("\0")):
        if (ROOT / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


def goes_red(copy: Path, tests: tuple[str, ...]) -> bool:
    """Whether the tests fail on the copy, or never end there; engines they start run the copy's code too."""
    command = [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "--no-header", *tests]
    environment = {**os.environ, "PYTHONPATH": str(copy), "PYTHONDONTWRITEBYTECODE": "1"}
    try:
        done = subprocess.run(command, cwd=copy, env=environment, capture_output=True, text=True, timeout=MOST_S)
    except subprocess.TimeoutExpired:
        return True
    if done.returncode not in (0, 1):
        print(done.stdout[-3000:], done.stderr[-2000:], file=sys.stderr)
        sys.exit(2)
    return done.returncode == 1


def main() -> int:
    """Try each fault, or those named."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("names", nargs="*", help="only these faults")
    names = parser.parse_args().names
    faults = [x for x in read_faults() if not names or x.name in names]
    slipped = 0
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder)
        copy_project(copy)
        if goes_red(copy, tuple(dict.fromkeys(test for x in faults for test in x.tests))):
            print("the tests are red without any fault", file=sys.stderr)
            return 2
        for fault in faults:
            target = copy / fault.file
            sound = target.read_text(encoding="utf-8")
            if sound.count(fault.old) != 1:
                print(
                    f"{fault.name}: {fault.file} has its text {sound.count(fault.old)} times, not once", file=sys.stderr
                )
                return 2
            target.write_text(sound.replace(fault.old, fault.new), encoding="utf-8")
            red = goes_red(copy, fault.tests)
            target.write_text(sound, encoding="utf-8")
            slipped += not red
            print(f"{'caught ' if red else 'SLIPPED'} {fault.name} ({', '.join(fault.tests)})", flush=True)
    print(f"{len(faults) - slipped} of {len(faults)} faults caught")
    return 1 if slipped else 0


if __name__ == "__main__":
    sys.exit(main())
