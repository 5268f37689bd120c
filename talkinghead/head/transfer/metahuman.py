"""MetaHuman's control curves, `CTRL_expressions_*`, in terms of ARKit's shapes. T frames, A shapes of ARKit, C curves.

TABLE has the curves that Unreal's pose asset `PA_MetaHuman_ARKit_Mapping` sets for each shape at weight 1, as Unreal 5.6 tells
them: https://github.com/Dylanyz/ARKitRemap, dev/pose-asset/data/PA_MetaHuman_ARKit_Mapping.posemap.json. Weights are rounded
to two digits; those below 0.08, which stand at poses that they have nothing to do with, are left out. The pose asset has no
mouthClose: Unreal's `ABP_MH_LiveLink` sets the four curves TOGETHER to mouthClose / jawOpen, within 0 and 1 (same source,
dev/knowledge-base.md). Names and sides agree with Meta's retargeting (OculusXRMovementAssetsFactories.cpp) and with VRM4U.
The rig takes curves within 0 and 1.
"""

from __future__ import annotations

import re

import numpy as np

from talkinghead.head.blendshapes import ARKIT, solve_box

PREFIX = "CTRL_expressions_"
_SIDED: dict[str, dict[str, float]] = {  # L and R follow the names of curves, Left and Right those of shapes
    "browDown": {"browDown": 1.0},
    "browOuterUp": {"browRaiseIn": 1.0, "browRaiseOuter": 1.0},
    "cheekSquint": {"eyeCheekRaise": 1.0},
    "eyeBlink": {"eyeBlink": 1.0},
    "eyeLookDown": {"eyeLookDown": 1.0},
    "eyeLookUp": {"eyeLookUp": 1.0},
    "eyeSquint": {"eyeSquintInner": 1.0},
    "eyeWide": {"eyeWiden": 1.0},
    "mouthDimple": {"mouthDimple": 1.0},
    "mouthFrown": {"mouthCornerDepress": 1.0},
    "mouthLowerDown": {"mouthLowerLipDepress": 1.0},
    "mouthPress": {"mouthPressU": 1.0, "mouthPressD": 1.0},
    "mouthSmile": {"mouthCornerPull": 1.0},
    "mouthStretch": {"mouthStretch": 1.0},
    "mouthUpperUp": {"mouthUpperLipRaise": 1.0},
    "noseSneer": {"noseWrinkle": 1.0},
}
_BOTH: dict[str, dict[str, float]] = {  # a shape of both sides, curves for each
    "browInnerUp": {"browLateral": 1.0, "browRaiseIn": 1.0},
    "cheekPuff": {"mouthCheekBlow": 1.0, "mouthLipsBlow": 1.0},
    "mouthFunnel": {"mouthFunnelU": 1.0, "mouthFunnelD": 1.0},
    "mouthPucker": {
        **{"mouthLipsPurseU": 1.0, "mouthLipsPurseD": 1.0, "mouthLipsTowardsU": 0.41, "mouthLipsTowardsD": 0.41},
        **{"mouthFunnelU": 0.75, "mouthFunnelD": 0.75},
    },
    "mouthRollLower": {"mouthLowerLipRollIn": 1.0, "mouthUpperLipRollIn": 0.5},
    "mouthRollUpper": {"mouthUpperLipRollIn": 1.0},
    "mouthShrugLower": {"jawChinRaiseD": 1.0},
    "mouthShrugUpper": {"jawChinRaiseU": 1.0},
}
TABLE: dict[str, dict[str, float]] = {  # ARKit's shape -> curve without PREFIX -> weight
    **{
        name + side: {curve + side[0]: weight for curve, weight in recipe.items()}
        for name, recipe in _SIDED.items()
        for side in ("Left", "Right")
    },
    **{name: {curve + side: weight for curve, weight in recipe.items() for side in "LR"} for name, recipe in _BOTH.items()},
    # there, eyes look to the left and to the right, not in and out
    **{"eyeLookInLeft": {"eyeLookRightL": 1.0}, "eyeLookOutLeft": {"eyeLookLeftL": 1.0}},
    **{"eyeLookInRight": {"eyeLookLeftR": 1.0}, "eyeLookOutRight": {"eyeLookRightR": 1.0}},
    **{"jawForward": {"jawFwd": 1.0}, "jawLeft": {"jawLeft": 1.0}, "jawRight": {"jawRight": 1.0}, "jawOpen": {"jawOpen": 1.0}},
    **{"mouthLeft": {"mouthLeft": 1.0}, "mouthRight": {"mouthRight": 1.0}},
    "tongueOut": {"tongueOut": 0.77, "tongueDown": 0.83, "tongueWide": 0.63, "tongueRollDown": 0.25},
}
TOGETHER = tuple(f"mouthLipsTogether{place}" for place in ("UL", "UR", "DL", "DR"))
CURVES = (*sorted({curve for recipe in TABLE.values() for curve in recipe}), *TOGETHER)
_PLAIN = {curve.lower(): curve for curve in CURVES}
OPEN, CLOSE = ARKIT.index("jawOpen"), ARKIT.index("mouthClose")
SLIGHT = 1e-4  # weight of a jaw that is shut: there is no share of it


def curve_name(name: str) -> str | None:
    """A control curve by the name that Unreal has for it, also of those that no shape of ARKit sets; None for others.

    Known are `CTRL_expressions_jawOpen` in any case, and `CTRL_expressions.jawOpen` as DNA files have it.
    """
    found = re.fullmatch(r"(?:.*[:/|])?ctrl_?expressions[._]?(\w+)", name.strip(), re.IGNORECASE)
    return None if found is None else PREFIX + _PLAIN.get(found[1].lower(), found[1])


def to_curves(weights: np.ndarray) -> np.ndarray:
    """(T, A) weights of ARKit's shapes in the order of ARKIT -> (T, C) of CURVES, within 0 and 1."""
    out = np.zeros((len(weights), len(CURVES)), np.float32)
    out[:, : -len(TOGETHER)] = np.clip(weights @ _matrix(), 0, 1)
    jaw = weights[:, OPEN]
    share = np.divide(weights[:, CLOSE], jaw, out=np.zeros_like(jaw), where=jaw > SLIGHT)
    out[:, -len(TOGETHER) :] = np.clip(share, 0, 1)[:, None]
    return out


def from_curves(columns: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """Curves by name, (T,) each -> ARKit's shapes by name, with which TABLE comes nearest to them (least squares in 0 to 1).

    Columns of other names are kept, as are ARKit's where both are there; curves that are not in CURVES are left out.
    """
    told = {name: values for name, values in columns.items() if curve_name(name)}
    named = {curve_name(name): values for name, values in told.items()}
    if not any(PREFIX + curve in named for curve in CURVES):
        return columns
    nothing = np.zeros(len(next(iter(told.values()))))
    curves = np.stack([named.get(PREFIX + curve, nothing) for curve in CURVES], 1)
    matrix = _matrix()
    used = matrix.any(1)
    normal = matrix[used] @ matrix[used].T
    weights = np.zeros((len(curves), len(ARKIT)))
    weights[:, used] = solve_box(lambda w: w @ normal, curves[:, : -len(TOGETHER)] @ matrix[used].T, np.diag(normal))
    weights[:, CLOSE] = np.clip(curves[:, -len(TOGETHER) :].mean(1), 0, 1) * weights[:, OPEN]
    rest = {name: values for name, values in columns.items() if name not in told}
    return dict(zip(ARKIT, weights.T, strict=True)) | rest


def _matrix() -> np.ndarray:
    """(A, C - 4) TABLE; 0 for mouthClose."""
    out = np.zeros((len(ARKIT), len(CURVES) - len(TOGETHER)))
    for name, recipe in TABLE.items():
        for curve, weight in recipe.items():
            out[ARKIT.index(name), CURVES.index(curve)] = weight
    return out
