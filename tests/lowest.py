"""Prints the lowest declared versions as constraints for pip: `python -m tests.lowest > constraints.txt`."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

EXTRAS = ("cli", "simulator", "aiohttp", "keyring")
"""Excluded: Buildbot depends on a hundred packages with their own lowest versions."""


def lowest(declared: list[str]) -> list[str]:
    """`name>=1.2,<3` as `name==1.2`."""
    found = [re.match(r"([A-Za-z0-9._-]+)(?:\[[^]]*\])?>=([0-9.]+)", each) for each in declared]
    return [f"{match[1]}=={match[2]}" for match in found if match is not None]


def main() -> None:
    """Print one constraint per line."""
    settings = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    declared = [
        *settings["dependencies"],
        *(each for extra in EXTRAS for each in settings["optional-dependencies"][extra]),
    ]
    sys.stdout.write("\n".join(lowest(declared)) + "\n")


if __name__ == "__main__":
    main()
