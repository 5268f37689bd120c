"""What a training says: one JSON line per report, and a picture of all of them."""

from __future__ import annotations

import json
from pathlib import Path

from talkinghead.files import replacing


class Log:
    """`log.jsonl` and `loss.png` of a run. Going on from a checkpoint drops the lines after it."""

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        self.path = folder / "log.jsonl"
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        self.lines = [line for line in map(json.loads, lines) if line["step"] <= step]
        self._write()

    def add(self, line: dict) -> None:
        """Append one report: {"step", "stage", "rate", "train": {name: value}, "val": {name: value}}."""
        self.lines.append(line)
        self._write()
        self._plot()

    def _write(self) -> None:
        with replacing(self.path) as fresh:
            fresh.write_text("".join(json.dumps(line) + "\n" for line in self.lines), encoding="utf-8")

    def _plot(self) -> None:
        from matplotlib.figure import Figure

        stages = list(dict.fromkeys(line["stage"] for line in self.lines))
        figure = Figure(figsize=(6.5 * len(stages), 7), layout="constrained")
        axes = figure.subplots(2, len(stages), squeeze=False)
        for column, stage in enumerate(stages):
            lines = [line for line in self.lines if line["stage"] == stage]
            for row, kind in enumerate(("train", "val")):
                axis = axes[row, column]
                for name in lines[-1][kind]:
                    axis.plot([line["step"] for line in lines], [line[kind].get(name) for line in lines], label=name)
                axis.set(title=f"{stage}: {kind}", xlabel="step", yscale="log" if kind == "train" else "linear")
                axis.grid(alpha=0.3)
                axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
        with replacing(self.folder / "loss.png") as fresh:
            figure.savefig(fresh, dpi=100)
