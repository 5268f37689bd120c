"""VMC, the protocol of Virtual Motion Capture: blend shapes and the head's bone over OSC, for VSeeFace, Warudo and others.

Sent for each frame: /VMC/Ext/OK, /VMC/Ext/T (seconds of the sound), /VMC/Ext/Bone/Pos of the bone Head (place 0, then its turn
as a quaternion in Unity's axes: x to the own right, y up, z forward, left-handed), /VMC/Ext/Blend/Val for every name, and
/VMC/Ext/Blend/Apply. Names: ARKit's 52 in the spelling of perfect sync (JawOpen), and vowels, blinks and emotions as VRM 0 (A,
Blink_L, Joy) and VRM 1 (aa, blinkLeft, happy) call them. Specification: https://protocol.vmc.info.
"""

from __future__ import annotations

import struct

import numpy as np

from talkinghead.head.blendshapes import ARKIT
from talkinghead.head.head import Head
from talkinghead.live.frames import Frame, to_arkit_of, with_gaze
from talkinghead.live.receivers.osc import bundles, message, text
from talkinghead.live.receivers.sockets import Address, Udp
from talkinghead.motion.transfer.vrm_expressions import EXPRESSIONS, vrm_expressions

PORT = 39539  # where programs that show a character listen
FAMILIES = ("arkit", "vrm")
VRM0 = dict(zip(EXPRESSIONS, "A I U E O Blink_L Blink_R Joy Angry Sorrow Surprised".split(), strict=True))


class Vmc:
    """A performer. names: families of FAMILIES. Raises InputError for a head whose shapes are none of ARKit's."""

    def __init__(self, to: Address, head: Head, names: tuple[str, ...] = FAMILIES) -> None:
        self._arkit, self._weights, self._names = to_arkit_of(head, "vmc"), with_gaze(head), names
        labels = [name[0].upper() + name[1:] for name in ARKIT] if "arkit" in names else []
        labels += [*VRM0.values(), *VRM0] if "vrm" in names else []
        self._starts = [text("/VMC/Ext/Blend/Val") + text(",sf") + text(label) for label in labels]
        self._socket = Udp(to)
        self.about = f"vmc {to} ({' and '.join(names)} names)"

    def send(self, frame: Frame, heard: float) -> bool:
        messages = [
            message("/VMC/Ext/OK", 1),
            message("/VMC/Ext/T", float(frame.time)),
            message("/VMC/Ext/Bone/Pos", "Head", 0.0, 0.0, 0.0, *unity_quaternion(frame.rotation)),
        ]
        values = self._values(self._arkit(self._weights(frame)))
        messages += [start + struct.pack(">f", value) for start, value in zip(self._starts, values, strict=True)]
        messages.append(message("/VMC/Ext/Blend/Apply"))
        sent = [self._socket.send(packet) for packet in bundles(messages)]  # each, whatever becomes of the others
        return all(sent)

    def _values(self, weights: np.ndarray) -> list[float]:
        """What each label gets. weights: (A,)."""
        out = weights.tolist() if "arkit" in self._names else []
        return out + 2 * vrm_expressions(weights[None])[0].tolist() if "vrm" in self._names else out

    def close(self) -> None:
        self._socket.send(message("/VMC/Ext/OK", 0))
        self._socket.close()


def unity_quaternion(rotation: np.ndarray) -> tuple[float, float, float, float]:
    """(3,) rad about x to the own left, y up, z forward -> (x, y, z, w) about Unity's axes, where x is to the own right."""
    angle = float(np.linalg.norm(rotation))
    x, y, z = (rotation * (np.sin(angle / 2) / angle if angle > 1e-9 else 0.5)).tolist()
    return x, -y, -z, float(np.cos(angle / 2))
