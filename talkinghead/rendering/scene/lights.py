"""Presets of light, in the head's space: +x is the head's own left, y is up, z is the way the face looks.

The lights stand still; only cameras and the head move.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from talkinghead.errors import choose_name
from talkinghead.rendering.scene import look

Triple = tuple[float, float, float]


@dataclass(frozen=True)
class Lights:
    """Three lamps and the light from all around; colours are linear light.

    lamps: (unit vector to the lamp, colour times strength) of each. gloss: share of each lamp in highlights.
    sky, ground: light from above and from below. catch: see `look.CATCH`.
    """

    lamps: tuple[tuple[Triple, Triple], ...]
    gloss: Triple
    sky: Triple
    ground: Triple
    catch: Triple = look.CATCH

    @property
    def directions(self) -> tuple[Triple, ...]:
        """To each lamp."""
        return tuple(direction for direction, _ in self.lamps)

    @property
    def table(self) -> np.ndarray:
        """(10, 3) float32: directions and colours of the lamps, gloss, sky, ground, catch."""
        colours = [colour for _, colour in self.lamps]
        return np.array([*self.directions, *colours, self.gloss, self.sky, self.ground, self.catch], np.float32)


def _lights(*lamps: tuple[Triple, Triple], gloss: Triple, sky: Triple, ground: Triple) -> Lights:
    return Lights(tuple((look.unit(*direction), colour) for direction, colour in lamps), gloss, sky, ground)


STUDIO = Lights(look.LIGHTS, look.GLOSS, look.SKY, look.GROUND)
LIGHTS = {
    "studio": STUDIO,
    "soft": _lights(  # two wide windows and a bright room
        ((0.65, 0.45, 0.80), (0.62, 0.60, 0.57)),
        ((-0.75, 0.35, 0.75), (0.46, 0.47, 0.50)),
        ((-0.60, 0.45, -0.85), (0.25, 0.26, 0.28)),
        gloss=(0.6, 0.6, 0.3),
        sky=(0.54, 0.55, 0.57),
        ground=(0.33, 0.31, 0.30),
    ),
    "rim": _lights(  # a dark room with a lamp behind each shoulder
        ((0.95, 0.35, -0.55), (1.85, 1.70, 1.50)),
        ((0.30, 0.40, 0.90), (0.34, 0.35, 0.38)),
        ((-0.95, 0.30, -0.55), (1.25, 1.45, 1.80)),
        gloss=(0.5, 1.0, 0.5),
        sky=(0.10, 0.11, 0.13),
        ground=(0.05, 0.045, 0.045),
    ),
    "side": _lights(  # one window beside the head
        ((1.00, 0.25, 0.35), (1.65, 1.55, 1.42)),
        ((-0.80, 0.10, 0.70), (0.07, 0.08, 0.10)),
        ((-0.70, 0.40, -0.80), (0.28, 0.30, 0.34)),
        gloss=(1.0, 1.0, 0.3),
        sky=(0.16, 0.17, 0.19),
        ground=(0.08, 0.07, 0.065),
    ),
    "warm": _lights(  # evening: a low sun and a blue sky
        ((0.75, 0.25, 0.75), (1.45, 1.02, 0.66)),
        ((-0.85, 0.20, 0.65), (0.17, 0.22, 0.34)),
        ((-0.60, 0.30, -0.85), (0.75, 0.55, 0.40)),
        gloss=(1.0, 1.0, 0.3),
        sky=(0.26, 0.29, 0.37),
        ground=(0.17, 0.13, 0.10),
    ),
    "flat": _lights(  # hardly a shadow: for comparing shapes and colours
        ((0.10, 0.20, 1.00), (0.38, 0.38, 0.38)),
        ((-0.60, 0.20, 0.80), (0.14, 0.14, 0.14)),
        ((0.60, 0.20, 0.80), (0.14, 0.14, 0.14)),
        gloss=(0.2, 0.2, 0.2),
        sky=(0.66, 0.66, 0.66),
        ground=(0.58, 0.57, 0.56),
    ),
}


def named_lights(name: str) -> Lights:
    """The preset of that name. Raises InputError for another."""
    return LIGHTS[choose_name("lights", name, LIGHTS)]
