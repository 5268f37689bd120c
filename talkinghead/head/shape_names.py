"""ARKit's shapes by the names that other programs give them.

Read are any case, underscores, dashes and blanks between words, `_L` and `_R` for Left and Right, and a prefix up to a point or
a colon: `EyeBlinkLeft`, `eye_blink_left`, `eyeBlink_L`, `blendShapes.EyeBlinkLeft`, `Face:eyeBlinkLeft`, `ARKit_jawOpen`.
"""

from __future__ import annotations

import re

from talkinghead.head.blendshapes import ARKIT

BARE = {name.lower(): name for name in ARKIT}
PREFIXES = ("arkit", "blendshape", "blendshapes", "bs")
SIDES = {"l": "left", "r": "right"}


def bare(name: str) -> str:
    """A name without prefix, case and signs between words."""
    return re.sub(r"[^a-z0-9]", "", re.split(r"[.:/|]", name.strip())[-1].lower())


def arkit_name(name: str) -> str | None:
    """ARKit's own spelling of a name; None for one that is not ARKit's."""
    plain = bare(name)
    for word in (plain, *(plain.removeprefix(prefix) for prefix in PREFIXES)):
        if word in BARE:
            return BARE[word]
        if word[-1:] in SIDES and (whole := word[:-1] + SIDES[word[-1]]) in BARE:
            return BARE[whole]
    return None
