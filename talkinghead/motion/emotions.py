"""The eight emotions and the spellings of them that are read."""

from __future__ import annotations

EMOTIONS = ("neutral", "happy", "sad", "surprised", "fearful", "disgusted", "angry", "contempt")
SPELLINGS = {  # how people and datasets write them -> one of EMOTIONS
    **{name: name for name in EMOTIONS},
    **{"happiness": "happy", "sadness": "sad", "surprise": "surprised", "fear": "fearful", "disgust": "disgusted"},
    **{"anger": "angry"},
}
