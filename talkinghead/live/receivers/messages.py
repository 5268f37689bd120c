"""What programs of one's own get, by WebSocket or as lines: one JSON object each, as `talkinghead serve` sends them.

{"type": "ready", "names": [...], "fps", "latency", "head"}: first of all. latency: seconds from a sound to its frame.
{"type": "frame", "time", "weights", "rotation", "tongue", "gaze", "heard"}: time in seconds of the sound; weights in the order
of names; rotation of the head in rad (axis times angle; x to its own left, y up, z forward); tongue in metres (tip, body); gaze
in rad (left and right eye: yaw to the own left, pitch up), not in the weights; heard: seconds of the epoch at which the
sound was heard. {"type": "finished"}: the sound is over.
"""

from __future__ import annotations

import json

import numpy as np

from talkinghead.live.frames import Frame, Stream

END = json.dumps({"type": "finished"})


def ready_message(stream: Stream, fps: float, latency: float) -> str:
    """The first message. latency: seconds."""
    about = {"names": list(stream.names), "fps": fps, "latency": round(latency, 4), "head": stream.head.name}
    return json.dumps({"type": "ready"} | about)


def frame_message(frame: Frame, heard: float) -> str:
    """A frame whose sound was heard at `heard`, seconds of the epoch."""
    arrays = {"weights": (frame.weights, 4), "rotation": (frame.rotation, 5), "tongue": (frame.tongue, 5)}
    gaze = np.asarray(frame.gaze, np.float64).round(5).tolist()
    values = {name: [round(value, digits) for value in array.tolist()] for name, (array, digits) in arrays.items()}
    return json.dumps(
        {"type": "frame", "time": round(frame.time, 6), **values, "gaze": gaze, "heard": round(heard, 4)}, separators=(",", ":")
    )
