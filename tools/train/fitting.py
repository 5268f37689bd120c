"""The loop that trains the small perceptual networks: AdamW on one cycle of the learning rate (Smith and Topin 2018)."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor, nn

WEIGHT_DECAY, WARMUP, MAX_GRAD_NORM = 0.05, 0.15, 1.0  # of AdamW; share of the steps with a rising rate; of the gradient
AVERAGED = 50  # steps whose mean loss is printed


def fit(net: nn.Module, loss_of_batch: Callable[[], Tensor], steps: int, lr: float, every: int) -> None:
    """Train `net` on `loss_of_batch`, which draws a batch; a JSON line with the loss is printed `every` steps."""
    optimizer = torch.optim.AdamW(net.parameters(), lr, weight_decay=WEIGHT_DECAY)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimizer, lr, steps, pct_start=WARMUP)
    start, losses = time.process_time(), []
    net.train()
    for step in range(1, steps + 1):
        loss = loss_of_batch()
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), MAX_GRAD_NORM)
        optimizer.step()
        schedule.step()
        losses.append(loss.item())
        if step % every == 0:
            line = {"step": step, "loss": round(float(np.mean(losses[-AVERAGED:])), 4)}
            print(json.dumps(line | {"cpu_seconds": round(time.process_time() - start)}), flush=True)
    net.eval()
