"""The verb live."""

from __future__ import annotations

import sys
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from tyro.conf import Positional, UseAppendAction, UseCounterAction, arg

from talkinghead.animate.settings import AnimateSettings
from talkinghead.cli.options import HeadName, Model, Settings, Track
from talkinghead.cli.outputs import named_head, working
from talkinghead.errors import InputError
from talkinghead.head.spec import is_auto
from talkinghead.live.control import follow_lines, live_emotion
from talkinghead.live.targets import Options, Target, open_senders, read_targets, sent_head

if TYPE_CHECKING:
    from talkinghead.live.sources import Source

DEFAULTS = AnimateSettings()
USUAL = ("livelink", "vmc")
To = Annotated[
    tuple[str, ...],
    UseAppendAction,
    arg(
        metavar="WHAT[=HOST:PORT]",
        help="Where frames go; repeat it for more. livelink: Unreal's Live Link, as the app Live Link Face sends it (UDP, port "
        "11111). vmc: VSeeFace, Warudo, VNyan and others (OSC over UDP, port 39539). vrchat: avatars made for VRCFaceTracking "
        "(OSC, port 9000). websocket: JSON for programs and pages that connect to port 8765. json: JSON lines on the standard "
        "output. Without a host, this machine. livelink and vmc, if nothing is said.",
    ),
]


def live(
    source: Annotated[Positional[str], arg(metavar="mic|FILE|-")] = "",
    *,
    to: To = (),
    settings: Settings = DEFAULTS,
    head: HeadName = "default",
    model: Model = None,
    microphone: Annotated[str, arg(metavar="NAME")] = "",
    devices: UseCounterAction[int] = 0,
    rate: int = 16000,
    channels: int = 1,
    encoding: Literal["s16le", "f32le"] = "s16le",
    track: Track = None,
    fast: UseCounterAction[int] = 0,
    subject: Annotated[str, arg(metavar="NAME")] = "talkinghead",
    vmc_names: Annotated[tuple[Literal["arkit", "vrm"], ...], UseAppendAction] = (),
    origin: Annotated[tuple[str, ...], UseAppendAction, arg(metavar="URL")] = (),
    control: UseCounterAction[int] = 0,
    monitor: UseCounterAction[int] = 0,
) -> None:
    """Speak while somebody speaks: a microphone, a file or a pipe into Unreal, VRM programs and your own.

    Ctrl-C ends it.

    Args:
        source: mic, a recording, which plays as fast as a device would, or - for the standard input: a WAV, or samples
            as --rate, --channels and --encoding say.
        microphone: Number of an input device, or a part of its name. The default one.
        devices: List the input devices, and do nothing else.
        rate: Samples a second on the standard input, where they have no header.
        channels: Of samples on the standard input.
        encoding: Of samples on the standard input.
        fast: A file or a pipe as fast as it can be, not as it is heard; each frame is sent when it is known.
        subject: Name in Unreal's list of subjects.
        vmc_names: Names of blend shapes for VMC: arkit (JawOpen), vrm (A, aa, Blink_L). Both; an avatar that has both opens its
            mouth too far then.
        origin: A site whose pages may use the WebSocket, such as https://example.com, beside those of this machine.
        control: Read emotions from the standard input while it runs, one in a line, such as happy:0.6.
        monitor: Show levels, latency and late frames.
    """
    if devices:
        from talkinghead.live.microphone import devices as listed

        print("\n".join(listed()))
        return
    targets = read_targets(to or USUAL)
    options = Options(subject, vmc_names or Options.names, origin)
    _check(source, settings, head, bool(control), bool(fast))
    with suppress(BrokenPipeError), ExitStack() as closing:  # whoever reads the lines may have had enough
        sound = _source(source, microphone, rate, channels, encoding, track, paced=not fast)
        closing.callback(sound.close)
        _run(sound, targets, options, settings, head, model, not fast, bool(control), bool(monitor), closing)


def _check(source: str, settings: AnimateSettings, head: str, control: bool, fast: bool) -> None:
    if not source:
        raise InputError("say what to listen to: talkinghead live mic, a recording, or - for the standard input")
    if settings.curve is None:
        raise InputError("--emotion auto listens to a whole recording; live, choose names, and change them while it runs")
    if is_auto(head):
        raise InputError("--head auto listens to a whole recording; live, choose a head")
    if control and source == "-":
        raise InputError("--control reads the standard input, which is the sound here; send emotions by the WebSocket")
    if fast and source == "mic":
        raise InputError("--fast is for files and pipes; a microphone cannot hear faster")


def _source(source: str, microphone: str, rate: int, channels: int, encoding: str, track: int | None, *, paced: bool) -> Source:
    if source == "mic":
        from talkinghead.live.microphone import Microphone

        return Microphone(microphone)
    from talkinghead.live.sources import File, Pipe
    from talkinghead.live.wav import Layout

    if source != "-":
        return File(Path(source), track=track, paced=paced)
    if sys.stdin is None or sys.stdin.isatty():
        raise InputError("-: the standard input is a terminal; pipe sound into it")
    return Pipe(sys.stdin.fileno(), Layout(rate, encoding, channels), paced=paced)


def _run(
    sound: Source,
    targets: list[Target],
    options: Options,
    settings: AnimateSettings,
    head: str,
    model: str | None,
    paced: bool,
    control: bool,
    monitored: bool,
    closing: ExitStack,
) -> None:
    from talkinghead.live.monitor import Monitor
    from talkinghead.live.session import Session

    with working("loading the model"):
        from talkinghead.animate.talker import Talker

        talker = Talker.for_streams(model)
        face = sent_head(named_head(head), targets)
        stream = talker.stream(head=face, rate=round(sound.rate), settings=settings)
    session = Session(stream, sound, settings.fps, paced=paced)

    def change(wanted: object) -> None:
        session.changes.put(live_emotion(wanted))

    senders = open_senders(targets, stream, settings.fps, session.delay, options, change, sys.stdout, closing)
    session.senders.extend(senders)
    about = [f"from {sound.about}", *(f"to {sender.about}" for sender in senders)]
    if control:
        follow_lines(sys.stdin.fileno(), change)
    if monitored:
        session.watch = closing.enter_context(Monitor(sys.stderr, about))
    print("\n".join(f"talkinghead: {line}" for line in about), file=sys.stderr, flush=True)
    session.run()
