#!/usr/bin/env python3
"""Shows that the simulator notices mistakes: makes each of planted_bugs.toml in a copy of the sources, builds brokersim, and runs it until
it fails. Prints how many lives that took; fails if one was not noticed within the bound.

    tests/sim/planted_bugs.py [--seeds 2000] [--only WORD] [--work DIRECTORY]
    tests/sim/planted_bugs.py --check        only looks whether each can still be made
"""
import argparse
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUGS = Path(__file__).with_name("planted_bugs.toml")


def copy_file(source, to):
    """What is the same already stays untouched, and is not built again."""
    if not to.exists() or Path(source).read_bytes() != to.read_bytes():
        shutil.copyfile(source, to)


def copy_sources(to):
    for part in ("CMakeLists.txt", "CMakePresets.json", "LICENSE", "README.md"):
        copy_file(ROOT / part, to / part)
    for part in ("src", "include", "cmake", "config", "tests", "packaging", "docs", "scripts", "examples", "docker"):
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, to / part, dirs_exist_ok=True, ignore=shutil.ignore_patterns("node_modules", "__pycache__"),
                            copy_function=lambda source, target: copy_file(source, Path(target)))


def run(command, **options):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)


def build(work):
    done = run(["ninja", "-C", str(work / "build/release"), "brokersim"])
    if done.returncode != 0:
        sys.exit("it does not compile:\n" + done.stdout[-3000:])


def notice(work, seeds):
    """How many lives it took, and what was noticed; None when nothing was."""
    done = run([str(work / "build/release/brokersim"), "--seeds", str(seeds), "--no-shrink"])
    found = re.search(r"seed (\d+) FAILED: (.*)", done.stdout)
    return (int(found[1]), found[2]) if found else None


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--seeds", type=int, default=2000, help="each has to be noticed within so many lives")
    arguments.add_argument("--only", default="", help="those whose names have this in them")
    arguments.add_argument("--work", type=Path, help="where to build; kept, so that the next time is quicker")
    arguments.add_argument("--check", action="store_true", help="build nothing")
    options = arguments.parse_args()
    bugs = [bug for bug in tomllib.loads(BUGS.read_text())["bug"] if options.only in bug["name"]]
    for bug in bugs:
        if (ROOT / bug["file"]).read_text().count(bug["old"]) != 1:
            sys.exit(f"{bug['name']}: its text does not stand once in {bug['file']}")
    if options.check:
        return 0
    work = options.work or Path(tempfile.mkdtemp(prefix="planted-bugs-"))
    work.mkdir(parents=True, exist_ok=True)
    try:
        copy_sources(work)
        configured = run(["cmake", "--preset", "release"], cwd=work)
        if configured.returncode != 0:
            sys.exit(configured.stdout)
        build(work)
        if found := notice(work, options.seeds):
            sys.exit(f"without any bug, seed {found[0]} fails: {found[1]}")
        missed = 0
        for bug in bugs:
            file = work / bug["file"]
            text = file.read_text()
            file.write_text(text.replace(bug["old"], bug["new"]))
            build(work)
            found = notice(work, options.seeds)
            file.write_text(text)
            missed += found is None
            print(f"{bug['name']}: " + (f"seed {found[0]}, {found[1]}" if found else "NOT NOTICED"), flush=True)
        print(f"{len(bugs) - missed} of {len(bugs)} noticed within {options.seeds} lives")
        return 1 if missed else 0
    finally:
        if not options.work:
            shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
