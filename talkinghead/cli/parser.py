"""Words of a command line -> a verb with its arguments, or one line about the error in them."""

from __future__ import annotations

import contextlib
import functools
import io
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

import tyro

from talkinghead.errors import InputError

OUTPUTS = ("-o", "--output")
TYPES = tyro.constructors.ConstructorRegistry()


# Types that are text on the command line and may be something else in Python: (module, name) -> how help shows them.
TEXTS = {
    ("talkinghead.motion.emotion_curve", "EmotionSpec"): "EMOTION",
    ("talkinghead.rendering.sizes", "SizeSpec"): "PIXELS",
}


@TYPES.primitive_rule
def _text(kind: tyro.constructors.PrimitiveTypeInfo) -> tyro.constructors.PrimitiveConstructorSpec | None:
    """Types of TEXTS. Their modules are imported already if the verb that is asked for has them."""
    loaded = {metavar: getattr(sys.modules[module], name) for (module, name), metavar in TEXTS.items() if module in sys.modules}
    metavar = next((metavar for metavar, known in loaded.items() if kind.type == known), None)
    if metavar is None:
        return None
    return tyro.constructors.PrimitiveConstructorSpec(
        nargs=1,
        metavar=metavar,
        instance_from_str=lambda words: words[0],
        is_instance=lambda value: isinstance(value, str | int),
        str_from_instance=lambda value: [str(value)],
    )


@dataclass(frozen=True)
class Verb:
    """Where the function of a verb is, in a module of this folder, and its line in the overview of all verbs."""

    module: str
    function: str
    summary: str

    def load(self) -> Callable[..., None]:
        return getattr(import_module(f"talkinghead.cli.{self.module}"), self.function)

    def unloaded(self) -> Callable[..., None]:
        """A function that stands for the verb in the overview."""

        def stand_in() -> None: ...

        stand_in.__doc__ = self.summary
        return stand_in


def parse(known: Mapping[str, Verb | Callable[..., None]], arguments: list[str]) -> Callable[[], None]:
    """The verb with its arguments, ready to run. tyro's boxes of text become one line."""
    complaint = io.StringIO()
    asked = arguments[0] if arguments else ""
    verbs = {
        name: given if not isinstance(given, Verb) else given.load() if name == asked else given.unloaded()
        for name, given in known.items()
    }
    arguments = _with_odd_names(_with_rates(arguments))
    try:
        with contextlib.redirect_stderr(complaint):
            return tyro.extras.subcommand_cli_from_dict(
                {verb: _later(function) for verb, function in verbs.items()},
                prog="talkinghead",
                description="Speech to a talking 3D face.",
                args=arguments,
                config=(tyro.conf.FlagConversionOff,),
                registry=TYPES,
            )
    except SystemExit as stop:
        if not stop.code:
            raise  # --help
        verb = f" {arguments[0]}" if arguments and arguments[0] in verbs else ""
        raise InputError(f"{_one_line(complaint.getvalue())} (see talkinghead{verb} --help)") from None


def _with_rates(arguments: list[str]) -> list[str]:
    """The arguments, with the number in place of a fraction behind --fps, such as 30000/1001, as FFmpeg writes rates."""
    out = []
    for last, word in zip(["", *arguments], arguments, strict=False):
        found = re.fullmatch(r"(--fps=)?(\d{1,9})/(\d{1,9})", word)
        if found and (found[1] or last == "--fps") and int(found[3]):
            word = f"{found[1] or ''}{int(found[2]) / int(found[3])!r}"
        out.append(word)
    return out


def _with_odd_names(arguments: list[str]) -> list[str]:
    """The arguments, with `./` before names of files that begin with a dash: those that exist, and those after -o."""
    before = ["", *arguments]
    odd = [
        word.startswith("-") and word not in OUTPUTS and (Path(word).is_file() or last in OUTPUTS)
        for last, word in zip(before, arguments, strict=False)
    ]
    return [f"./{word}" if is_odd else word for word, is_odd in zip(arguments, odd, strict=True)]


def _later(function: Callable[..., None]) -> Callable[..., Callable[[], None]]:
    """A function that tyro sees like `function` but that only binds its arguments."""

    @functools.wraps(function)
    def bind(*args, **kwargs) -> Callable[[], None]:
        return functools.partial(function, *args, **kwargs)

    return bind


def _one_line(box: str) -> str:
    """What a box says, up to its second rule; the rest is help. Terminals without UTF-8 get boxes of blanks and dashes."""
    help_too = "│" + 9 * " ", 10 * " "
    lines = [line.strip("│╭╮╰╯ ") for line in box.splitlines() if line[:10] not in help_too]
    sections: list[str] = [""]
    for line in lines[1:]:
        if line and not line.strip("─-"):
            sections.append("")
        else:
            sections[-1] = f"{sections[-1]} {line}".strip()
    sections = list(filter(None, sections)) or [""]
    advice = [s for s in sections[1:] if s.startswith(("Perhaps", "Available"))]
    what = re.sub(r"^Error parsing (?:(--\S+: )|\S+: )", r"\1", sections[0].rstrip("."))  # not tyro's own names of groups
    return "; ".join(filter(None, [what, *advice])) or " ".join(box.split())
