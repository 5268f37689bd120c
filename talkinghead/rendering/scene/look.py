"""What all backends share: lights, skin, background. Colours are linear light, directions point to the light.

+x is the head's own left, y is up, z is the way the face looks. The lights stand still; only cameras and the head move.
"""

from __future__ import annotations

import numpy as np

from talkinghead.motion.easing import smoothstep

SKIN, EYE, WET, HAIR, LOCKS, CLOTH = 0.0, 1.0, 2.0, 3.0, 4.0, 5.0  # kinds of surface; HAIR is seen from both sides
PAINTED, WIRES = 6.0, 7.0  # of styles, without lights: its shares of light are a colour, or its place in a triangle and a shade
KINDS = {"eyes": EYE, "teeth": WET, "gums": WET, "tongue": WET, "brows": HAIR, "lashes": HAIR, "hair": LOCKS, "collar": CLOTH}
KINDS |= {"other": HAIR}  # of characters: hair and clothes. Part -> kind; the rest is skin
CLAY = (0.52, 0.36, 0.28)  # skin of a head that has neither texture nor colours


def unit(*xyz: float) -> tuple[float, float, float]:
    """A vector of length 1."""
    x, y, z = np.array(xyz) / np.linalg.norm(xyz)
    return float(x), float(y), float(z)


LIGHTS = (  # direction, colour times strength
    (unit(0.55, 0.55, 0.85), (1.22, 1.15, 1.07)),  # key
    (unit(-0.85, 0.10, 0.70), (0.26, 0.28, 0.32)),  # fill
    (unit(-0.60, 0.45, -0.85), (0.55, 0.58, 0.63)),  # rim
)
GLOSS = (1.0, 1.0, 0.3)  # share of each light in highlights: a strong rim light would burn out on a bald head
SKY, GROUND = (0.33, 0.35, 0.38), (0.17, 0.145, 0.13)  # light from all around, from above and from below
CATCH = (0.30, 0.38, 0.0)  # added to the direction of the viewer: direction of the window whose reflection is on the eyes
WRAP = (0.42, 0.20, 0.13)  # how far red, green and blue light creeps around skin; 0 is a plain Lambert surface
SPECULAR = {SKIN: 0.028, EYE: 0.03, WET: 0.035, HAIR: 0.01, LOCKS: 0.03, CLOTH: 0.012}  # reflectance at normal incidence
CREASE, RIDGE = (0.46, 0.60, 0.66), 0.10  # shares of red, green and blue light that a crease takes, and that its edge adds
BLOOD = (0.03, -0.17, -0.15)  # shares of light that blood adds
DARKEST = 0.2  # share of light that is left
LINE = (0.10, 0.11, 0.13)  # sRGB of lines along edges of triangles
BACKDROP = ((0.235, 0.255, 0.28), (0.105, 0.115, 0.13))  # middle and corners of the picture


def encode(linear: np.ndarray) -> np.ndarray:
    """Linear light in [0, 1] -> sRGB in [0, 1] (IEC 61966-2-1)."""
    linear = np.clip(linear, 0, 1)
    return np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def decode(srgb: np.ndarray) -> np.ndarray:
    """sRGB in [0, 1] -> linear light in [0, 1] (IEC 61966-2-1)."""
    return np.where(srgb <= 0.04045, srgb / 12.92, ((srgb + 0.055) / 1.055) ** 2.4)


def background(width: int, height: int) -> np.ndarray:
    """(height, width, 3) uint8: a soft grey glow, dithered by a fixed pattern so that it does not show bands."""
    x = (np.arange(width) + 0.5) / width * 2 - 1
    y = (np.arange(height) + 0.5) / height * 2 - 1
    share = smoothstep(np.hypot(x[None] * 0.75, (y[:, None] + 0.15) * 0.75))[..., None]
    glow = encode(np.array(BACKDROP[0]) * (1 - share) + np.array(BACKDROP[1]) * share)
    noise = np.random.default_rng(0).random((height, width, 1)) - 0.5
    return np.clip(np.round(glow * 255 + noise), 0, 255).astype(np.uint8)
