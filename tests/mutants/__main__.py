"""Changes lines that keep a promise, one at a time and in memory, and reports changes that no test notices.

python -m tests.mutants [WORD ...]   # only the mutants that have one of these words

Each mutant runs in a fork of a process in which everything is imported. There, the code of the function that has the
line is replaced. No file is changed.
"""

from __future__ import annotations

import argparse
import contextlib
import gc
import importlib
import os
import signal
import sys
import tempfile
import time
import tomllib
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import CodeType, FunctionType
from typing import TYPE_CHECKING, Any, cast

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

ROOT = Path(__file__).resolve().parents[2]
LIST = Path(__file__).with_name("mutants.toml")
AT_ONCE = min(4, os.cpu_count() or 1)
SECONDS = 600
"""Time limit for the tests of one mutant, in seconds."""
SECONDS_OF_ALL = 3600
"""Time limit for all of these tests together without a mutant, in seconds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mutant:
    """One changed line."""

    breaks: str
    """How the change breaks the promise."""
    file: str
    """The file, below `upcloud_sdk`."""
    line: str
    becomes: str
    after: str = ""
    """A text before the line, if the file contains the line more than once."""
    tests: list[str]
    """The tests that should fail, below `tests`."""

    @property
    def path(self) -> Path:
        return ROOT / "upcloud_sdk" / self.file

    @property
    def module(self) -> str:
        return "upcloud_sdk." + self.file.removesuffix(".py").replace("/", ".")

    def apply(self, source: str) -> str | None:
        """The source with the changed line. None if the line is missing or not unique."""
        start = source.find(self.after)
        lines = source[start:].split("\n")
        found = [number for number, line in enumerate(lines) if line.strip() == self.line]
        if start < 0 or not found or (len(found) > 1 and not self.after):
            return None
        old = lines[found[0]]
        lines[found[0]] = old[: len(old) - len(old.lstrip())] + self.becomes
        return source[:start] + "\n".join(lines)

    def load(self) -> None:
        """Replace the code of the function with the line, in this process.

        Raises:
            LookupError: No function has this line.
        """
        source = self.path.read_text(encoding="utf-8")
        broken = self.apply(source)
        if broken is None:
            raise LookupError("its line is not there any more, or is there more than once")
        old = _functions(compile(source, self.path, "exec", dont_inherit=True))
        new = _functions(compile(broken, self.path, "exec", dont_inherit=True))
        changed = {name for name, code in old.items() if name in new and new[name] != code}
        functions = [
            each
            for each in gc.get_objects()
            if isinstance(each, FunctionType)
            and each.__code__.co_filename == str(self.path)
            and each.__code__.co_qualname in changed
        ]
        if not functions:
            raise LookupError("its line is in no function that can be replaced")
        for function in functions:
            function.__code__ = new[function.__code__.co_qualname]


def _functions(code: CodeType) -> dict[str, CodeType]:
    """The functions of a module by name, including methods. Inner functions are part of the outer one."""
    found: dict[str, CodeType] = {}
    for const in cast("Sequence[object]", code.co_consts):
        if isinstance(const, CodeType):
            if const.co_flags & 0x02:  # CO_NEWLOCALS: a function, not a class
                found[const.co_qualname] = const
            else:
                found |= _functions(const)
    return found


def read_mutants(words: Sequence[str] = ()) -> list[Mutant]:
    """The mutants that contain one of these words. Without words: all."""
    rows: list[dict[str, Any]] = tomllib.loads(LIST.read_text(encoding="utf-8"))["mutant"]
    mutants = [Mutant(**row) for row in rows]
    return [each for each in mutants if not words or any(word in f"{each.file}: {each.breaks}" for word in words)]


def start(mutant: Mutant | None, tests: Sequence[str], output: Path, *, seconds: int = SECONDS) -> int:
    """Start a process that runs these tests with or without a mutant. Returns its id."""
    pid = os.fork()
    if pid:
        return pid
    code = 99
    try:
        signal.alarm(seconds)
        with output.open("w") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        if mutant is not None:
            mutant.load()
        options = ["-x", "-q", "-p", "no:cacheprovider", "-m", "full or not full", "--rootdir", str(ROOT)]
        # The alarm ends tests that hang. A single one of them may take minutes on a slow machine.
        options += ["-o", "faulthandler_timeout=0"]
        # pytest warns that it cannot rewrite modules that are already imported. This does not matter here.
        options += ["-W", "ignore::pytest.PytestAssertRewriteWarning"]
        code = int(pytest.main([*options, *(str(ROOT / "tests" / test) for test in tests)]))
    except LookupError as error:
        output.write_text(str(error), encoding="utf-8")
    except BaseException:  # noqa: BLE001 - the parent says it
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


def verdict(status: int, said: str) -> str:
    """The verdict on a mutant, by the exit status of its tests."""
    if os.WIFSIGNALED(status):
        return "its tests did not end"
    code = os.WEXITSTATUS(status)
    # 1: a test failed. Any other status means that the tests did not run, which proves nothing.
    return {0: "SURVIVED", 1: "killed"}.get(code, f"its tests did not run: {said[-2000:]}")


def judged(mutants: Sequence[Mutant], folder: Path) -> Iterator[tuple[Mutant, str]]:
    """Run the mutants, some at a time, and yield the verdict on each."""
    waiting, running = list(enumerate(mutants)), dict[int, tuple[Mutant, Path]]()
    while waiting or running:
        while waiting and len(running) < AT_ONCE:
            number, mutant = waiting.pop(0)
            output = folder / str(number)
            running[start(mutant, mutant.tests, output)] = mutant, output
        pid, status = os.wait()
        mutant, output = running.pop(pid)
        yield mutant, verdict(status, output.read_text(encoding="utf-8") if output.exists() else "")


def main(words: Sequence[str]) -> int:
    """Run all mutants. The exit status is 0 if each was noticed."""
    began = time.monotonic()
    os.chdir(ROOT)
    mutants = read_mutants(words)
    for name in {
        "tests.moved_time",
        "upcloud_sdk.simulator",
        "upcloud_sdk.buildbot",
        *(each.module for each in mutants),
    }:
        with contextlib.suppress(ImportError):
            importlib.import_module(name)
    killed = 0
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        whole = sorted({test for mutant in mutants for test in mutant.tests})
        _, status = os.waitpid(start(None, whole, folder / "all", seconds=SECONDS_OF_ALL), 0)
        if os.waitstatus_to_exitcode(status) != 0:
            print((folder / "all").read_text(encoding="utf-8")[-4000:])  # noqa: T201 - what it is run for
            what = "do not end" if os.WIFSIGNALED(status) else "fail"
            print(f"the tests {what} without any mutant")  # noqa: T201 - the same
            return 1
        for mutant, what in judged(mutants, folder):
            killed += what == "killed"
            print(f"{what:<8} {mutant.file}: {mutant.breaks}", flush=True)  # noqa: T201 - the same
    print(f"{killed} of {len(mutants)} mutants killed in {time.monotonic() - began:.0f} s")  # noqa: T201 - the same
    return int(killed < len(mutants))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*")
    sys.exit(main(parser.parse_args().words))
