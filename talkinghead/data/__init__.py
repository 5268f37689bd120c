"""Sources of speech with motion -> one data set format, and what reads it."""

from talkinghead.data.preparation import SOURCES, check_options, options_of, prepare

__all__ = ["SOURCES", "check_options", "options_of", "prepare"]
