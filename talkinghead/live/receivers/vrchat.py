"""Parameters of VRChat's avatars over OSC: /avatar/parameters/v2/NAME, by the names of VRCFaceTracking's Unified Expressions.

Avatars that are made for VRCFaceTracking have parameters of these names; the others ignore them. VRChat takes them on UDP port
9000 once OSC is switched on in its menu. What has changed is sent in each frame, everything once a second, after
EyeTrackingActive, ExpressionTrackingActive and LipTrackingActive, which are false again at the end.
Names: https://docs.vrcft.io/docs/tutorial-avatars/tutorial-avatars-extras/parameters. A shapes of ARKit, P parameters.
"""

from __future__ import annotations

import numpy as np

from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.head import Head
from talkinghead.live.frames import Frame, to_arkit_of, with_gaze
from talkinghead.live.receivers.osc import bundles, message
from talkinghead.live.receivers.sockets import Address, Udp

PORT = 9000
ROOT = "/avatar/parameters/"
FLAGS = ("EyeTrackingActive", "ExpressionTrackingActive", "LipTrackingActive")
SEEN = 0.002  # change of a parameter that is sent: avatars have 8 bits for one
EVERYTHING = 1.0  # seconds after which all parameters are sent
SIDES = ("Left", "Right")
OPEN = 0.75  # EyeLid of an open eye; the rest, to 1, is one that is wide open
SAME = {  # shape of ARKit -> parameters that are as it is; * is either side
    **{"jawOpen": "JawOpen", "jawForward": "JawForward JawZ", "jaw*": "Jaw*", "mouth*": "MouthUpper* MouthLower*"},
    **{"mouthClose": "MouthClosed", "mouthShrugUpper": "MouthRaiserUpper", "mouthShrugLower": "MouthRaiserLower"},
    "mouthFunnel": "LipFunnel LipFunnelUpper LipFunnelLower LipFunnelUpper* LipFunnelLower*",
    "mouthPucker": "LipPucker LipPuckerUpper LipPuckerLower LipPuckerUpper* LipPuckerLower*",
    **{"mouthRollUpper": "LipSuckUpper LipSuckUpper*", "mouthRollLower": "LipSuckLower LipSuckLower*"},
    **{"mouthSmile*": "MouthSmile* MouthCornerPull* MouthCornerSlant*", "mouthFrown*": "MouthFrown*"},
    **{f"mouth{name}*": f"Mouth{name}*" for name in ("Dimple", "Stretch", "Press", "LowerDown", "UpperUp")},
    **{"browInnerUp": "BrowInnerUp BrowInnerUp*", "browOuterUp*": "BrowOuterUp*"},
    "browDown*": "BrowDown* BrowLowerer* BrowPinch*",
    **{"cheekPuff": "CheekPuffSuck CheekPuffSuck* CheekPuff*", "cheekSquint*": "CheekSquint*", "noseSneer*": "NoseSneer*"},
    **{"eyeSquint*": "EyeSquint*", "eyeWide*": "EyeWide*", "eyeBlink*": "EyeClosed*", "tongueOut": "TongueOut"},
}
MEANS = (  # of both sides
    *("BrowDown", "BrowOuterUp", "CheekSquint", "NoseSneer", "EyeSquint", "EyeWide", "EyeLid", "EyeOpen", "EyeClosed"),
    *("SmileFrown", "SmileSad", "MouthSmile", "MouthStretch", "MouthPress", "MouthDimple", "MouthLowerDown", "MouthUpperUp"),
)


def _parameters() -> dict[str, tuple[float, dict[str, float]]]:
    """name -> what it is at rest, and what each shape of ARKit adds to it."""
    out: dict[str, tuple[float, dict[str, float]]] = {}
    for side in SIDES:
        for shape, names in SAME.items():
            out |= {name.replace("*", side): (0.0, {shape.replace("*", side): 1.0}) for name in names.split()}
        out[f"EyeOpen{side}"] = 1.0, {f"eyeBlink{side}": -1.0}
        out[f"EyeLid{side}"] = OPEN, {f"eyeBlink{side}": -OPEN, f"eyeWide{side}": 1 - OPEN}
        out[f"SmileFrown{side}"] = out[f"SmileSad{side}"] = 0.0, {f"mouthSmile{side}": 1.0, f"mouthFrown{side}": -1.0}
        right, left = ("In", "Out") if side == "Left" else ("Out", "In")
        out[f"Eye{side}X"] = 0.0, {f"eyeLook{right}{side}": 1.0, f"eyeLook{left}{side}": -1.0}
        out[f"Eye{side}Y"] = 0.0, {f"eyeLookUp{side}": 1.0, f"eyeLookDown{side}": -1.0}
    out["JawX"], out["MouthX"] = ((0.0, {f"{part}Right": 1.0, f"{part}Left": -1.0}) for part in ("jaw", "mouth"))
    for name in MEANS:
        (rest, left), (_, right) = (out[name + side] for side in SIDES)
        out[name] = rest, {shape: weight / 2 for shape, weight in (left | right).items()}
    return out


PARAMETERS = _parameters()
_REST = np.array([rest for rest, _ in PARAMETERS.values()])
_SHARES = np.array([[shares.get(shape, 0.0) for shape in ARKIT] for _, shares in PARAMETERS.values()])


class VrChat:
    """An avatar's face. Raises InputError for a head whose shapes are none of ARKit's."""

    def __init__(self, to: Address, head: Head) -> None:
        self._arkit, self._weights = to_arkit_of(head, "vrchat"), with_gaze(head)
        self._sent = np.full(len(PARAMETERS), np.inf)
        self._whole = -np.inf  # when everything was sent
        self._socket = Udp(to)
        self.about = f"vrchat {to}"

    def send(self, frame: Frame, heard: float) -> bool:
        values = np.clip(_REST + _SHARES @ self._arkit(self._weights(frame)), -1, 1)
        whole = abs(heard - self._whole) >= EVERYTHING
        changed = np.full(len(values), True) if whole else np.abs(values - self._sent) > SEEN
        messages = [message(ROOT + name, True) for name in FLAGS] if whole else []
        messages += [
            message(f"{ROOT}v2/{name}", float(value))
            for name, value, new in zip(PARAMETERS, values, changed, strict=True)
            if new
        ]
        self._sent = np.where(changed, values, self._sent)
        self._whole = heard if whole else self._whole
        sent = [self._socket.send(packet) for packet in bundles(messages)]  # each, whatever becomes of the others
        return all(sent)

    def close(self) -> None:
        for packet in bundles(message(ROOT + name, False) for name in FLAGS):
            self._socket.send(packet)
        self._socket.close()
