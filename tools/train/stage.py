"""What the trainers of the default model share: an output folder for one set of arguments, and errors in one line."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

from talkinghead.errors import InputError
from talkinghead.files import claim

MARK = "arguments.json"


def complete(args: argparse.Namespace, result: Path) -> bool:
    """Whether the last file of an earlier run with these arguments is there. Raises InputError if the run had others."""
    if not (args.out / MARK).exists():
        return False
    begin(args)
    if result.exists():
        print(f"{args.out}: is complete")
    return result.exists()


def begin(args: argparse.Namespace) -> None:
    """Claim `args.out`, new or begun with the same arguments. Raises InputError for any other."""
    said = json.loads(json.dumps({key: value for key, value in vars(args).items() if key != "out"}, default=str))
    before = claim(args.out, MARK, said, "a run")
    changed = [key for key in {**before, **said} if before.get(key) != said.get(key)]
    if changed:
        keys = ", ".join(changed)
        raise InputError(f"{args.out}: holds a run with other arguments ({keys}); choose another --out or remove it")


def run(main: Callable[[], Any]) -> NoReturn:
    """Run a program; what a user can mend is one line on stderr and exit status 2, an interruption is status 130."""
    try:
        main()
    except InputError as error:
        print(error, file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        sys.exit(130)
    sys.exit(0)
