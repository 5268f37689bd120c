"""What parts of other people's meshes are, as the names of their nodes, materials and groups say."""

from __future__ import annotations

import re

EYE, OTHER = 1, 2  # an eye; what lies on the skin, such as hair. 0: the skin, or what is not known
_EYES = {"eye", "eyes", "eyeball", "eyeballs", "iris", "irises", "pupil", "pupils", "cornea", "sclera", "eyewhite", "eyewhites"}
_LYING = set(
    """
brow brows eyebrow eyebrows eyelash eyelashes lash lashes eyeline eyeliner tearline occlusion eyeocclusion eyeshadow
hair hairs fringe bangs beard mustache moustache stubble
glasses eyewear headwear hat cap helmet cloth clothes outfit shirt collar accessory accessories earring earrings horns
""".split()
)
_OPEN = ("eyeiris", "eyehighlight", "eyewhite", "eyepupil")  # beginnings of words of eyes
_NOT_EYES = {"lid", "lids", "eyelid", "eyelids", "socket", "area", "skin"}


def kind_of(*names: str) -> int:
    """EYE, OTHER or 0 by the words of names, as of a node and a material: `N00_000_00_EyeIris_00_EYE`, `Std_Eyelash`."""
    words = {word for name in names for word in _words(name)}
    if words & _LYING:
        return OTHER
    if words & _NOT_EYES:
        return 0
    return EYE if words & _EYES or any(word.startswith(_OPEN) for word in words) else 0


def _words(name: str) -> list[str]:
    """`FaceEyelash_00` -> face, eyelash, faceeyelash."""
    runs = re.findall(r"[A-Za-z]+", name)
    parts = [part.lower() for run in runs for part in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", run)]
    return [*parts, *(run.lower() for run in runs)]
