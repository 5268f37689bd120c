"""Facial shapes by the names that other programs give them, and what each does in ARKit's terms: the one table of names.

ARKit's own names are read in any case, with underscores, dashes and blanks between words, `_L` and `_R` for Left and Right, and
a prefix up to a point or a colon: `EyeBlinkLeft`, `eye_blink_left`, `eyeBlink_L`, `blendShapes.EyeBlinkLeft`,
`Face:eyeBlinkLeft`, `ARKit_jawOpen`. Other sets are the Oculus visemes, VRM's expressions, VRoid Studio's `Fcl_*`, Character
Creator's, and the Japanese names of MikuMikuDance.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.visemes import VISEMES

BARE = {name.lower(): name for name in ARKIT}
PREFIXES = ("arkit", "blendshape", "blendshapes", "bs")
SIDES = {"l": "left", "r": "right"}
CORRECTIVE = {"cor", "corr", "corrective", "combo", "fix", "inv", "wrinkle", "wrinkles"}  # words of shapes that go with others
FAMILIES = ("arkit", "cc", "oculus", "vrm", "vroid", "mmd", "plain")  # in the order of preference, where a head has several


@dataclass(frozen=True)
class Meaning:
    """What a shape does at weight 1. family: one of FAMILIES. recipe: ARKit shape -> weight. exact: not only by its ending."""

    family: str
    recipe: dict[str, float]
    exact: bool = True


def bare(name: str) -> str:
    """A name without prefix, case and signs between words."""
    return re.sub(r"[^a-z0-9]", "", re.split(r"[.:/|]", name.strip())[-1].lower())


def arkit_name(name: str) -> str | None:
    """ARKit's own spelling of a name; None for one that is not ARKit's."""
    plain = bare(name)
    return next((found for word in (plain, *(plain.removeprefix(p) for p in PREFIXES)) if (found := _arkit(word))), None)


def _arkit(word: str) -> str | None:
    if word in BARE:
        return BARE[word]
    return BARE.get(word[:-1] + SIDES[word[-1]]) if word[-1:] in SIDES else None


def _both(*names: str, weight: float = 1.0) -> dict[str, float]:
    return {name + side: weight for name in names for side in ("Left", "Right")}


BROWS_UP = {"browInnerUp": 1.0, **_both("browOuterUp")}
VOWELS = {"aa": VISEMES["aa"], "ih": VISEMES["I"], "ou": VISEMES["U"], "ee": VISEMES["E"], "oh": VISEMES["O"]}
_LIDS = {
    "blink": _both("eyeBlink"),
    "blinkleft": {"eyeBlinkLeft": 1.0},
    "blinkright": {"eyeBlinkRight": 1.0},
    "blinkl": {"eyeBlinkLeft": 1.0},
    "blinkr": {"eyeBlinkRight": 1.0},
}
VRM = {
    **VOWELS,
    **{short: VOWELS[long] for short, long in zip("aiueo", ("aa", "ih", "ou", "ee", "oh"), strict=True)},
    **_LIDS,
    "lookup": _both("eyeLookUp"),
    "lookdown": _both("eyeLookDown"),
    "lookleft": {"eyeLookOutLeft": 1.0, "eyeLookInRight": 1.0},
    "lookright": {"eyeLookInLeft": 1.0, "eyeLookOutRight": 1.0},
}
VROID = {  # after `Fcl_`
    **{f"mth{letter}": VRM[letter] for letter in "aiueo"},
    "mthfun": _both("mouthSmile", weight=0.7),
    "mthsorrow": _both("mouthFrown", weight=0.7),
    "eyeclose": _LIDS["blink"],
    "eyeclosel": _LIDS["blinkleft"],
    "eyecloser": _LIDS["blinkright"],
    "eyespread": _both("eyeWide"),
    "brwangry": _both("browDown"),
    "brwsorrow": {"browInnerUp": 1.0},
    "brwsurprised": BROWS_UP,
}
MMD = {
    **dict(zip("あいうえお", (VRM[letter] for letter in "aiueo"), strict=True)),
    "まばたき": _LIDS["blink"],
    "ウィンク2": _LIDS["blinkleft"],
    "ウィンク2右": _LIDS["blinkright"],
    "びっくり": _both("eyeWide"),
    "怒り": _both("browDown"),
    "困る": {"browInnerUp": 1.0},
    "上": BROWS_UP,
    "下": _both("browDown", weight=0.6),
    "口角上げ": _both("mouthSmile", weight=0.7),
    "口角下げ": _both("mouthFrown", weight=0.7),
}
_CC_PAIRS = {
    **{"browraiseouter": "browOuterUp", "browdrop": "browDown", "cheekraise": "cheekSquint"},
    **{"mouthupupper": "mouthUpperUp", "mouthdownlower": "mouthLowerDown"},
}
_CC_WHOLE = {  # of both sides together, there in halves
    **{"browraiseinner": "browInnerUp", "cheekpuff": "cheekPuff", "mouthpuckerup": "mouthPucker"},
    **{"mouthpuckerdown": "mouthPucker", "mouthfunnelup": "mouthFunnel", "mouthfunneldown": "mouthFunnel"},
    **{"mouthrollinupper": "mouthRollUpper", "mouthrollinlower": "mouthRollLower"},
}
CC = {
    **{
        f"{name}{letter}": {arkit + side: 1.0}
        for name, arkit in _CC_PAIRS.items()
        for letter, side in zip("lr", ("Left", "Right"), strict=True)
    },
    **{f"{name}{letter}": {arkit: 1.0} for name, arkit in _CC_WHOLE.items() for letter in ("l", "r", "")},
    **{"eyellookl": {"eyeLookOutLeft": 1.0}, "eyellookr": {"eyeLookInLeft": 1.0}},
    **{"eyellookup": {"eyeLookUpLeft": 1.0}, "eyellookdown": {"eyeLookDownLeft": 1.0}},
    **{"eyerlookl": {"eyeLookInRight": 1.0}, "eyerlookr": {"eyeLookOutRight": 1.0}},
    **{"eyerlookup": {"eyeLookUpRight": 1.0}, "eyerlookdown": {"eyeLookDownRight": 1.0}},
}
CC_VISEMES = {
    **{"vopen": VISEMES["aa"], "vexplosive": VISEMES["PP"], "vdentallip": VISEMES["FF"], "vtighto": VISEMES["O"]},
    **{"vtight": VISEMES["U"], "vwide": VISEMES["E"], "vaffricate": VISEMES["CH"]},
    "vlipopen": _both("mouthLowerDown", "mouthUpperUp", weight=0.4),
}
PLAIN = {  # of Ready Player Me without ARKit's, and of many others
    "mouthopen": {"jawOpen": 0.6},
    "openmouth": {"jawOpen": 0.6},
    "mouthsmile": _both("mouthSmile", weight=0.7),
    "smile": _both("mouthSmile", weight=0.7),
    "eyesclosed": _LIDS["blink"],
    "eyesclose": _LIDS["blink"],
    "eyeslookup": _both("eyeLookUp"),
    "eyeslookdown": _both("eyeLookDown"),
}
OCULUS = {name.lower(): recipe for name, recipe in VISEMES.items() if recipe}
HALVES = ("browinnerup", "cheekpuff", "mouthclose", "mouthfunnel", "mouthpucker", "mouthrolllower", "mouthrollupper")


def meaning(name: str, among: Iterable[str] = ()) -> Meaning | None:
    """What a shape of that name does; None for one that says nothing here.

    Names of a letter or two count only where the head has the rest of their set: `among` are all its names.
    """
    if arkit := arkit_name(name):
        return Meaning("arkit", {arkit: 1.0})
    plain = bare(name)
    if plain[:-1] in HALVES and plain[-1] in SIDES:  # ICT's rigs
        return Meaning("arkit", {BARE[plain[:-1]]: 1.0})
    if plain in CC or plain in CC_VISEMES:
        return Meaning("cc", CC[plain]) if plain in CC else Meaning("oculus", CC_VISEMES[plain])
    if found := re.fullmatch(r"(?:.*viseme|vrcv|v)(sil|pp|ff|th|dd|kk|ch|ss|nn|rr|aa|e|i|ih|o|oh|u|ou)", plain):
        return _oculus(found[1])
    if found := re.search(r"fcl[_ ]?(\w+)$", name.lower()):
        recipe = VROID.get(found[1].replace("_", ""))
        return Meaning("vroid", recipe) if recipe else None
    if (japanese := unicodedata.normalize("NFKC", name).strip()) in MMD:
        return Meaning("mmd", MMD[japanese])
    plains = {bare(other) for other in among}
    if plain in OCULUS and {"pp", "ff", "aa"} <= plains:
        return Meaning("oculus", OCULUS[plain])
    if plain in VRM and (len(plain) > 2 or set("aiueo") <= plains or set(VOWELS) <= plains):
        return Meaning("vrm", VRM[plain])
    return Meaning("plain", PLAIN[plain]) if plain in PLAIN else _by_ending(name)


def expression(name: str) -> Meaning | None:
    """What an expression of a VRM of that name, or preset, does."""
    plain = bare(name)
    return Meaning("vrm", VRM[plain]) if plain in VRM else meaning(name)


def _oculus(word: str) -> Meaning | None:
    word = {"ih": "i", "oh": "o", "ou": "u"}.get(word, word)  # VRChat's
    return Meaning("oculus", OCULUS[word]) if word in OCULUS else None


def _by_ending(name: str) -> Meaning | None:
    """`Genesis8_1_jawOpen`: ARKit's name after words of the program, unless they say that the shape only corrects others."""
    words = re.findall(r"[A-Za-z0-9]+", name)
    if CORRECTIVE & {word.lower() for word in words}:
        return None
    tails = ("".join(words[start:]).lower() for start in range(1, len(words)))
    return next((Meaning("arkit", {arkit: 1.0}, exact=False) for tail in tails if (arkit := _arkit(tail))), None)
