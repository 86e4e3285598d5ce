"""All commands of the command line, with arguments that they accept. A new command is in it by itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import typer

from upcloud_sdk.cli import app

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

RUNS_ON = {"simulator": ["--help"], "top": ["--once"]}
"""Commands that would run until Ctrl-C, and what ends them."""

SERVER, PLAN, ZONE = "web-1", "PREMIUM-1xCPU-1GB", "fi-hel1"


@dataclass(frozen=True)
class Command:
    """A command, such as `servers list`."""

    words: tuple[str, ...]
    parameters: tuple[Any, ...]

    def arguments(self, values: Mapping[str, str], *, instead: Mapping[str, str] | None = None) -> list[str]:
        """A command line with a value for each required parameter, by its name; and some others `instead`."""
        given: list[str] = []
        positional: list[str] = []
        for parameter in self.parameters:
            value = (instead or {}).get(parameter.name, values.get(parameter.name) if parameter.required else None)
            assert value is not None or not parameter.required, f"give {parameter.name} of {self} a value"
            if value is None:
                continue
            if parameter.param_type_name == "argument":
                positional.append(value)
            else:
                given.append(f"{parameter.opts[0]}={value}")
        return [*self.words, *RUNS_ON.get(" ".join(self.words), []), *given, "--", *positional]

    def __str__(self) -> str:
        return " ".join(self.words)


def _walk(words: tuple[str, ...], group: Any) -> Iterator[Command]:  # noqa: ANN401 - typer's, or click's
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from _walk((*words, name), command)
        else:
            yield Command((*words, name), tuple(command.params))


COMMANDS = tuple(_walk((), typer.main.get_command(app)))
