"""Results of an evaluation, system by system."""

from __future__ import annotations

from dataclasses import dataclass, field

from talkinghead.evaluate.table import Lags, Record

TRUTH = "truth"
SHORT = 0.1  # seconds that a motion may be shorter than the recording without a note


@dataclass
class Result:
    """Results of one system, by clip. features: of the emotion classifier; short: seconds too short, where it is."""

    records: dict[str, Record] = field(default_factory=dict)
    lags: dict[str, Lags] = field(default_factory=dict)
    curves: dict[str, dict] = field(default_factory=dict)
    features: dict[str, list[float]] = field(default_factory=dict)
    short: dict[str, float] = field(default_factory=dict)

    def add(self, clip: str, part: dict) -> None:
        self.records[clip] = {key: (float(num), float(den)) for key, (num, den) in part["record"].items()}
        self.lags[clip] = part["lags"]
        self.curves[clip] = part["curves"]
        self.features[clip] = part["features"]
        if part["short"] > SHORT:
            self.short[clip] = part["short"]
