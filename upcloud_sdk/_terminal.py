"""The way from the SDK's commands to a terminal: what comes from outside is shown, never obeyed. Needs rich."""

from __future__ import annotations

import os
import sys
import unicodedata
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from rich.console import Console

if TYPE_CHECKING:
    from collections.abc import Generator
    from typing import Any

    from rich.text import Text

_JOINERS = "\u200c\u200d"
"""They join letters and emoji to one character, and change nothing else."""
_SHOWN = {"Cc", "Cf", "Cs", "Zl", "Zp"}
"""Unicode categories of what changes a terminal or the order of the text: controls, formats, surrogates, separators."""


def visible(text: str, *, keep: str = "\n") -> str:
    r"""The text with its control characters as escapes, such as `\x1b`. `keep`: those that stay as they are."""
    if text.isprintable():
        return text
    return "".join(char if _is_harmless(char, keep) else char.encode("unicode_escape").decode() for char in text)


def _is_harmless(char: str, keep: str) -> bool:
    return char in keep or char in _JOINERS or unicodedata.category(char) not in _SHOWN


class Terminal(Console):
    """A rich console for text from outside. A string is neither markup nor control characters.

    Characters that the output cannot encode are shown as escapes too. Strings are the way in: a `Text` is printed as
    it is, so it must not contain text from outside.
    """

    def __init__(self, *, stderr: bool = False, width: int | None = None, piped_width: int = 10_000) -> None:
        """Print to stdout or stderr.

        `width`: columns. None: those of the terminal, or `piped_width` in a file or a pipe, so that lines are whole.
        """
        super().__init__(stderr=stderr, width=width, markup=False, emoji=False, highlight=False)
        if width is None and not self.is_terminal:
            self.width = piped_width

    @property
    def encoding(self) -> str:
        """The encoding of the output. Rich knows that of a given file only."""
        return (getattr(self.file, "encoding", None) or "utf-8").lower()

    def render_str(self, text: str, **options: Any) -> Text:  # noqa: ANN401 - rich's options
        """Each string that is printed, alone or in a table, comes through here."""
        encoding = self.encoding
        return super().render_str(visible(text).encode(encoding, "backslashreplace").decode(encoding), **options)


@contextmanager
def one_line_errors(program: str) -> Generator[None]:
    """Run a command in this block. If a file or the output fails, as on a full disk, the program ends with one line.

    If the reader of its output has gone, as with `| head`, it ends without a word.

    Raises:
        SystemExit: With status 1 in these cases, and with status 130 at Ctrl-C.
    """
    try:
        try:
            yield
        finally:
            if sys.stdout is not None:  # pyright: ignore[reportUnnecessaryComparison]  # None if it is closed
                sys.stdout.flush()
    except BrokenPipeError:
        _discard_output()
        sys.exit(1)
    except OSError as error:
        _discard_output()
        where = f"{error.filename}: " if error.filename else ""
        sys.exit(visible(f"{program}: {where}{error.strerror or error}"))
    except KeyboardInterrupt:
        sys.exit(130)


def _discard_output() -> None:
    """Discard what could not be written, so that Python does not try it again, and fail, at its end."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
