"""Speech to a talking 3D face. The names in `__all__` are imported at first use, so that `import talkinghead` is quick."""

from importlib import import_module
from typing import TYPE_CHECKING

from talkinghead.version import __version__ as __version__

if TYPE_CHECKING:
    from talkinghead.animate.animation import Animation
    from talkinghead.animate.settings import AnimateSettings
    from talkinghead.animate.talker import Talker
    from talkinghead.audio.load import load_audio
    from talkinghead.head.head import Head
    from talkinghead.motion.emotion_curve import EmotionCurve
    from talkinghead.rendering.settings import RenderSettings
    from talkinghead.rendering.video import render

# Public name -> its module. No public name may be a folder's name: importing the folder would hide it.
HOME = {
    "Talker": "animate.talker",
    "AnimateSettings": "animate.settings",
    "Animation": "animate.animation",
    "EmotionCurve": "motion.emotion_curve",
    "Head": "head.head",
    "RenderSettings": "rendering.settings",
    "load_audio": "audio.load",
    "render": "rendering.video",
}
__all__ = ["AnimateSettings", "Animation", "EmotionCurve", "Head", "RenderSettings", "Talker", "load_audio", "render"]


def __getattr__(name: str):
    if name in HOME:
        return getattr(import_module(f"talkinghead.{HOME[name]}"), name)
    raise AttributeError(f"module 'talkinghead' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
