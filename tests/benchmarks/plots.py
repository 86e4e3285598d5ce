"""The two plots of `docs/performance.md`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import matplotlib as mpl
from matplotlib.figure import Figure

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

Untyped = Any
"""Matplotlib objects, which have only partial types."""

# The same figures give the same bytes, so that a diff shows only real changes. Letters are drawn, so that the plots
# look the same with all fonts. The background is white, for pages in dark mode.
mpl.rcParams.update({
    "svg.hashsalt": "upcloud-sdk", "svg.fonttype": "path", "font.size": 12, "axes.spines.top": False,
    "axes.spines.right": False, "figure.facecolor": "white", "axes.facecolor": "white",
})  # fmt: skip

COLOURS = ("#0b5cad", "#c1440e", "#2e7d32", "#6a3d9a", "#8d6e00")
"""A colour that is dark enough for text on white."""


def cost_of_calls(file: Path, curves: Mapping[str, Mapping[int, float]]) -> None:
    """CPU per request over requests in flight."""
    figure, axes = _empty()
    flying = list(next(iter(curves.values())))
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        axes.plot(list(curve), list(curve.values()), marker="o", color=colour, label=name)
    axes.set(xscale="log", xlabel="requests in flight", ylabel="CPU per request, µs", ylim=(0, None))
    axes.set_xticks(flying, labels=[str(number) for number in flying])
    axes.minorticks_off()
    axes.set_title("CPU of the client for one request")
    _finish(figure, axes, file)


def fan_out(file: Path, started: Mapping[str, Sequence[float]]) -> None:
    """Servers known to run over time."""
    figure, axes = _empty()
    for colour, (name, times) in zip(COLOURS, started.items(), strict=False):
        axes.step([1.0, *times], range(len(times) + 1), where="post", color=colour, label=name)
    most = max(times[-1] for times in started.values())
    ticks = [seconds for seconds in (1, 10, 60, 600, 3600) if seconds < most]
    axes.set(xscale="log", xlabel="time since the first create", ylabel="servers known to run", ylim=(0, None))
    axes.set_xticks(ticks, labels=[f"{tick} s" if tick < 60 else f"{tick // 60} min" for tick in ticks])
    axes.minorticks_off()
    number = max(len(times) for times in started.values())
    axes.set_title(f"{number} servers, created and awaited")
    _finish(figure, axes, file)


def _empty() -> tuple[Untyped, Untyped]:
    figure = Figure(figsize=(8, 5.2), layout="constrained")
    return figure, figure.subplots()


def _finish(figure: Untyped, axes: Untyped, file: Path) -> None:
    axes.grid(visible=True, alpha=0.3)
    # Below the plot, so that it covers no line.
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None})
    # One final line break without blanks before it, as in all other files.
    lines = (line.rstrip() for line in file.read_text("utf-8").splitlines())
    file.write_text("\n".join(lines) + "\n", encoding="utf-8")
