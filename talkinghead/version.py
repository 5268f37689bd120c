"""The version of the package, from what was installed."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("talkinghead")
except PackageNotFoundError:  # run from a clone that was not installed
    __version__ = "0.0.0"
