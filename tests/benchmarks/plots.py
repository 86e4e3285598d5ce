"""The two plots of `docs/performance.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Untyped = Any
"""What matplotlib types in parts only."""

# The same bytes for the same figures, so that a new run shows as what it changed.
mpl.rcParams.update({"svg.hashsalt": "upcloud-sdk", "svg.fonttype": "none", "font.size": 11})


def cost_of_calls(file: Path, curves: Mapping[str, Mapping[int, float]]) -> None:
    """CPU a request over requests in flight."""
    figure, axes = _empty()
    for name, curve in curves.items():
        axes.plot(list(curve), list(curve.values()), marker="o", label=name)
    axes.set(xscale="log", yscale="log", xlabel="requests in flight", ylabel="CPU a request, µs")
    axes.set_xticks(list(next(iter(curves.values()))), labels=[str(n) for n in next(iter(curves.values()))])
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    _save(figure, file)


def fan_out(file: Path, started: Mapping[str, Sequence[float]]) -> None:
    """Servers known to run over time."""
    figure, axes = _empty()
    for name, times in started.items():
        axes.step([0.0, *times], range(len(times) + 1), where="post", label=name)
    axes.set(xscale="symlog", xlabel="seconds since the first create", ylabel="servers known to run")
    axes.grid(visible=True, alpha=0.3)
    axes.legend()
    _save(figure, file)


def _empty() -> tuple[Untyped, Untyped]:
    figure = Figure(figsize=(7, 4), layout="constrained")
    return figure, figure.subplots()


def _save(figure: Untyped, file: Path) -> None:
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    # One line at the end, and no blanks before it, as every other file has.
    lines = (line.rstrip() for line in file.read_text("utf-8").splitlines())
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
