"""The command line: one function a verb. What is heavy is imported when a verb needs it."""

from __future__ import annotations

import sys

from talkinghead.cli import main

if __name__ == "__main__":
    sys.exit(main())
