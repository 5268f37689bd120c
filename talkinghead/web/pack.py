"""Arrays for a page: whole numbers of a step each, differences along the first axis, byte by byte, deflated.

A browser reads them without a library: it inflates with `DecompressionStream`; `static/pack.js` undoes the rest.
"""

from __future__ import annotations

import json
import zlib
from typing import Any

import numpy as np


class Pack:
    """Arrays under construction. about: what else the page must know, plain data."""

    def __init__(self, **about: Any) -> None:
        self.about, self.sections, self.data = about, [], []

    def add(self, name: str, array: np.ndarray, step: float | None = None) -> None:
        """Store (N, ...) numbers, as multiples of `step` where it is given, else as the whole numbers that they are."""
        rows = np.asarray(array)
        whole = np.round(rows / step) if step else rows
        flat = whole.reshape(len(rows), -1).astype(np.int64)
        change = np.diff(flat, axis=0, prepend=0).astype(np.int32)
        folded = ((change << 1) ^ (change >> 31)).astype("<u4").reshape(-1)  # 0 -1 1 -2 2 … -> 0 1 2 3 4 …
        planes = folded.view(np.uint8).reshape(-1, 4).T
        used = max((n + 1 for n in range(4) if planes[n].any()), default=0)
        self.sections.append({"name": name, "rows": len(rows), "columns": flat.shape[1], "step": step or 0, "planes": used})
        self.data.append(planes[:used].tobytes())

    def document(self) -> bytes:
        """All of it: the size of the JSON text as four bytes, the text, the planes; deflated."""
        text = json.dumps({**self.about, "sections": self.sections}, allow_nan=False).encode()
        return zlib.compress(len(text).to_bytes(4, "little") + text + b"".join(self.data), 9)
