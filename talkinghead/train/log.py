"""What a training says: one JSON line per report, a picture of all of them, and the same for TensorBoard."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

from talkinghead.errors import InputError
from talkinghead.files import replacing

NAME, PICTURE = "log.jsonl", "loss.png"
PAUSE = 20.0  # seconds between two pictures: a report may take less than drawing one
CURVES = 10  # names beside a plot at most; log.jsonl has all


class Log:
    """`log.jsonl`, `loss.png` and `tensorboard/` of a run. Going on from a checkpoint drops the lines after it."""

    def __init__(self, folder: Path, step: int) -> None:
        self.folder = folder
        self.path = folder / NAME
        lines = self.path.read_text(encoding="utf-8").splitlines() if self.path.exists() else []
        try:
            self.lines = [line for line in map(json.loads, lines) if line["step"] <= step]
        except (ValueError, KeyError, TypeError):
            raise InputError(f"{self.path}: is not the log of a training; choose another out=") from None
        self.board = _board(folder / "tensorboard", step)
        self.drawn = -PAUSE
        self._write()

    def add(self, line: dict) -> None:
        """Append one report: {"step", "stage", "epoch", "lr", "train": {name: value}, "val": {name: value}}."""
        self.lines.append(line)
        self._write()
        if time.monotonic() - self.drawn >= PAUSE:
            self._plot()
            self.drawn = time.monotonic()
        if self.board is not None:
            for kind in ("train", "val"):
                for name, value in line[kind].items():
                    self.board.add_scalar(f"{line['stage']}/{kind}/{name}", value, line["step"])
            self.board.add_scalar(f"{line['stage']}/lr", line["lr"], line["step"])
            self.board.flush()

    def video(self, tag: str, gif: bytes, step: int, size: tuple[int, int]) -> None:
        """A moving picture for TensorBoard, which shows GIFs as they are."""
        if self.board is None:
            return
        from tensorboard.compat.proto.summary_pb2 import Summary

        picture = Summary.Image(encoded_image_string=gif, width=size[0], height=size[1], colorspace=3)
        summary = Summary(value=[Summary.Value(tag=tag, image=picture)])  # pyright: ignore[reportCallIssue]
        self.board._get_file_writer().add_summary(summary, step)
        self.board.flush()

    def close(self) -> None:
        """Draw the last picture."""
        if self.lines:
            self._plot()
        if self.board is not None:
            self.board.close()

    def _write(self) -> None:
        with replacing(self.path) as fresh:
            fresh.write_text("".join(json.dumps(line) + "\n" for line in self.lines), encoding="utf-8")

    def _plot(self) -> None:
        try:
            from matplotlib.figure import Figure
        except ImportError:  # the extra `train` is not installed: log.jsonl says the same
            return
        stages = list(dict.fromkeys(line["stage"] for line in self.lines))
        figure = Figure(figsize=(6.5 * len(stages), 7), layout="constrained")
        axes = figure.subplots(2, len(stages), squeeze=False)
        for column, stage in enumerate(stages):
            lines = [line for line in self.lines if line["stage"] == stage]
            for row, kind in enumerate(("train", "val")):
                axis = axes[row, column]
                for name in list(lines[-1][kind])[: 2 * CURVES]:
                    values = [line[kind].get(name) for line in lines]
                    axis.plot([line["step"] for line in lines], values, marker="." if len(lines) == 1 else None, label=name)
                positive = all((value or 0) > 0 for line in lines for value in line[kind].values())
                axis.set(title=f"{stage}: {kind}", xlabel="step", yscale="log" if kind == "train" and positive else "linear")
                axis.grid(alpha=0.3)
                axis.legend(fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5))
        with replacing(self.folder / PICTURE) as fresh:
            figure.savefig(fresh, dpi=100)


def _board(folder: Path, step: int) -> Any:
    """A TensorBoard writer that hides what a killed run wrote after `step`; None if TensorBoard is not installed."""
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError:
        return None
    return SummaryWriter(str(folder), purge_step=step + 1 if step else None)
