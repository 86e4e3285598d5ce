"""The code blocks of README, docs and docstrings, and how the tests run them."""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import anyio

from tests.moved_time import server_spec
from upcloud_sdk import UpCloud

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parents[2]
_FENCE = re.compile(r"^(?P<indent> *)```python[^\n]*\n(?P<code>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)

_PLACE = re.compile(r"^(?P<indent> *)\.\.\.  # the code of this page\n", re.MULTILINE)
"""The line of a page's program that stands for the other blocks of the page."""

_CODE = re.compile(r"\s*(>>> |from \S+ import |import \w+$|async with |await |(async )?def |\w+ = \w+\(|.*::$)")


@dataclass(frozen=True)
class Block:
    """One block of Python."""

    file: Path
    line: int
    code: str

    def __str__(self) -> str:
        return f"{self.file.relative_to(ROOT)}:{self.line}"

    def run(self, names: dict[str, Any]) -> None:
        """Run it. A block with `await` gets `cloud`, an open client, and `spec`. Another block runs as a script."""
        # Add the line breaks before it in the file, so that a traceback has the right line number.
        source = "\n" * (self.line - 1) + inspect.cleandoc("\n" + self.code)
        code = compile(source, str(self.file), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        if code.co_flags & inspect.CO_COROUTINE:
            anyio.run(self._with_a_client, code, names)
        else:
            exec(code, names)

    @property
    def awaits(self) -> bool:
        """Whether it has an `await` outside of functions, so that it runs only inside a program."""
        code = compile(inspect.cleandoc("\n" + self.code), "", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
        return bool(code.co_flags & inspect.CO_COROUTINE)

    @property
    def is_program(self) -> bool:
        """Whether it is the program in which the other blocks of its page run."""
        return _PLACE.search(self.code) is not None

    @staticmethod
    async def _with_a_client(code: Any, names: dict[str, Any]) -> None:  # noqa: ANN401 - a code object
        async with UpCloud() as cloud:
            names.update(cloud=cloud, spec=server_spec())
            await eval(code, names)


def blocks_of(file: Path) -> Iterator[Block]:
    """The blocks of a page, or of the docstrings of a module."""
    text = file.read_text(encoding="utf-8")
    for match in _FENCE.finditer(text):
        yield Block(file, text.count("\n", 0, match.start("code")) + 1, match["code"])


def run_page(file: Path) -> None:
    """Run the blocks of a page in order: in the page's program, or one by one."""
    blocks = list(blocks_of(file))
    names: dict[str, Any] = {"__name__": "__docs__"}
    for program in (block for block in blocks if block.is_program):
        source = _filled(program, [block for block in blocks if block is not program])
        exec(compile(source, str(file), "exec"), names)
        return
    for block in blocks:
        block.run(names)


def _filled(program: Block, blocks: list[Block]) -> str:
    """The program with these blocks in place of its line `...`."""
    code = "\n".join(block.code for block in blocks)
    return _PLACE.sub(lambda place: textwrap.indent(code, place["indent"]), program.code)


def texts() -> list[Path]:
    """All files that may have blocks."""
    top = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "SECURITY.md"]
    return sorted([*top, *(ROOT / "docs").rglob("*.md"), *(ROOT / "upcloud_sdk").rglob("*.py")])


def pages() -> list[Path]:
    """All files that have blocks."""
    return [file for file in texts() if any(blocks_of(file))]


def code_outside_of_blocks(file: Path) -> list[str]:
    """Lines that look like Python and are outside of all blocks that are run."""
    text = file.read_text(encoding="utf-8")
    prose = [_FENCE.sub("", each) for each in (docstrings(text) if file.suffix == ".py" else [text])]
    return [line for each in prose for line in each.splitlines() if _CODE.match(line)]


def docstrings(text: str) -> list[str]:
    """All docstrings of a module."""
    found = [
        ast.get_docstring(node)
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
    ]
    return [each for each in found if each is not None]
