"""Draw the pictures of doc/benchmarks.md: python tools/benchmarks/plots.py.

They are made from the figures in doc/benchmarks, which `benchmark.py TABLE --json FILE` wrote.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np

matplotlib.use("svg")
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a script finds only its own folder
from benchmarks.printing import straight_line

DOC = Path(__file__).resolve().parents[2] / "doc"
_OURS, _OTHERS, _LIGHT = "#2563a8", "#9aa5b1", "#7fb0e0"
_ENGINES = {
    "dygraph": _OTHERS,
    "predictor": _LIGHT,
    "predictor, bfloat16": _OURS,
    "predictor, int8": "#1b3a5c",
    "PyTorch, float32": "#e0b07f",
    "PyTorch, bfloat16": "#b36b1e",
}


def _figures(name: str) -> Any:
    """What a table wrote."""
    content = json.loads((DOC / "benchmarks" / f"{name}.json").read_text(encoding="utf-8"))
    return next(value for key, value in content.items() if key != "machine")


def against_others() -> Figure:
    """Training steps of ours and of the nearest other implementation."""
    xmlcnn = {(row["labels"], row["formulation"]): row for row in _figures("xmlcnn")}

    def labels(n: int, ours: str) -> float:
        peer = next(row for (size, name), row in xmlcnn.items() if size == n and "Py" in name)
        return peer["seconds_per_step"] / xmlcnn[n, f"TextZoo, {ours}"]["seconds_per_step"]

    encoders = {
        model: ways["TextZoo"]["rows_per_second"] / next(iter(ways.values()))["rows_per_second"]
        for model, ways in _figures("encoders").items()
    }
    bars = {
        "tagspace: conv1d + max in Paddle": _figures("tagspace")["ratio"],
        "xmlcnn, 100,000 labels, sampled and sparse: PyTorch": labels(
            100_000, "sampled, sparse, Adagrad"
        ),
        "xmlcnn, 100,000 labels: PyTorch": labels(100_000, "bce, Adam"),
        "xmlcnn, 90 labels: PyTorch": labels(90, "bce, Adam"),
        "multilabel: PyTorch": encoders["multilabel"],
        "batchneg: sentence-transformers": encoders["batchneg"],
        "hardestneg: sentence-transformers": encoders["hardestneg"],
    }
    figure, axes = plt.subplots(figsize=(8, 3.1))
    drawn = axes.barh(list(bars), list(bars.values()), color=_OURS)
    axes.bar_label(drawn, [f"{value:.3g} ×" for value in bars.values()], padding=3)
    axes.invert_yaxis()
    axes.set(xscale="log", xlim=(0.5, 300), xlabel="times as many training rows in the same time")
    axes.axvline(1, color=_OTHERS)
    return figure


def engines() -> Figure:
    """Inference speed of each engine."""
    names = {
        "tagspace": "tagspace\nAG News",
        "xmlcnn": "xmlcnn\nReuters",
        "multilabel": "multilabel\nDuEE",
        "batchneg": "batchneg\n4 layers",
    }
    figure, axes = plt.subplots(figsize=(8, 3))
    width = 0.8 / len(_ENGINES)
    for place, (engine, color) in enumerate(_ENGINES.items()):
        for at, name in enumerate(names):
            speeds = {k: v["rows_per_second"] for k, v in _figures(f"inference_{name}").items()}
            if engine in speeds:
                ratio = speeds[engine] / speeds["dygraph"]
                label = engine if name == "batchneg" else None
                axes.bar(at + (place - 2.5) * width, ratio, width, color=color, label=label)
    axes.set_xticks(range(len(names)), list(names.values()))
    axes.set_ylabel("rows/s, dygraph = 1")
    axes.legend(frameon=False, fontsize=8, loc="upper left", ncols=2)
    return figure


def costs() -> Figure:
    """Seconds against rows, labels and tokens, with the straight line through them."""
    rows = {int(n): row["total_seconds"] for n, row in _figures("rows").items()}
    labels = {
        row["labels"]: row["seconds_per_step"]
        for row in _figures("labels")
        if row["formulation"].startswith("bce")
    }
    tokens = {int(n): row["seconds_per_step"] for n, row in _figures("lengths").items()}
    figure, panels = plt.subplots(1, 3, figsize=(9, 2.8))
    for axes, points, what, seconds in (
        (panels[0], rows, "rows, TagSpace", "whole run, s"),
        (panels[1], labels, "labels, XML-CNN", "training step, s"),
        (panels[2], tokens, "tokens, albert-tiny", "training step, s"),
    ):
        x, y = list(points), list(points.values())
        line = straight_line(x, y)
        ends = np.array([0, max(x)])
        axes.plot(ends, line["intercept"] + line["slope"] * ends, color=_LIGHT)
        axes.plot(x, y, "o", color=_OURS)
        axes.set(xlabel=what, ylabel=seconds, ylim=(0, None))
        axes.set_title(f"$R^2$ = {line['r_squared']:.4f}", fontsize=9)
        axes.ticklabel_format(axis="x", style="sci", scilimits=(0, 4))
    return figure


def processes() -> Figure:
    """Training speed by processes and threads."""
    names = ["tagspace", "batchneg", "multilabel"]
    tables = [_figures(f"processes_{name}") for name in names]
    figure, axes = plt.subplots(figsize=(8, 2.6))
    for place, (way, color) in enumerate(zip(tables[0], (_OTHERS, _LIGHT, _OURS))):
        base = [next(iter(table.values()))["rows_per_second"] for table in tables]
        speeds = [table[way]["rows_per_second"] / one for table, one in zip(tables, base)]
        at = np.arange(len(names)) + (place - 1) * 0.27
        drawn = axes.bar(at, speeds, 0.27, color=color, label=way)
        axes.bar_label(drawn, [f"{speed:.2f}" for speed in speeds], fontsize=8)
    axes.set_xticks(range(len(names)), names)
    axes.set(ylabel="rows/s, one thread = 1", ylim=(0, 2.4))
    axes.legend(frameon=False, fontsize=8, ncols=3)
    return figure


PICTURES: list[Callable[[], Figure]] = [against_others, engines, costs, processes]


def main() -> None:
    """Draw all pictures."""
    plt.rcParams.update({"axes.spines.top": False, "axes.spines.right": False, "font.size": 9})
    plt.rcParams["svg.hashsalt"] = "textzoo"  # the same file for the same figures
    plt.rcParams["svg.fonttype"] = "none"  # text as text: a quarter of the size
    for draw in PICTURES:
        figure = draw()
        path = DOC / "imgs" / f"benchmark_{draw.__name__}.svg"
        figure.savefig(path, bbox_inches="tight", metadata={"Date": None}, facecolor="white")
        print(path)


if __name__ == "__main__":
    main()
