"""What one server takes at most, and the codes by which WebSockets are closed."""

from __future__ import annotations

from dataclasses import dataclass

from talkinghead.errors import InputError


@dataclass(frozen=True)
class Limits:
    """Bounds of one process.

    Args:
        clients: Live streams at once; more are told to try again later.
        minutes: Longest live stream.
        idle: Seconds without sound after which a stream is closed.
        seconds: Longest recording that is posted.
        megabytes: Largest recording that is posted.
        waiting: Recordings that wait for their turn or are worked on; more are told to try again later.
    """

    clients: int = 32
    minutes: float = 240.0
    idle: float = 30.0
    seconds: float = 600.0
    megabytes: float = 64.0
    waiting: int = 8

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if not value > 0:
                raise InputError(f"--{name} is {value:g}: choose more than 0")

    @property
    def bytes(self) -> int:
        return int(self.megabytes * (1 << 20))


# Seconds for which a thread may go on while another waits for Python's lock. With 5 ms, Python's own, a loop that sends to
# twenty clients waits so long after each of them while a lane works.
SWITCH = 0.0005
# Seconds between steps at least, for each stream of a lane and at most: sound that comes meanwhile goes into the same batch.
GATHER_EACH, GATHER = 0.004, 0.04
CATCH_UP = 0.75  # of that, while a stream has sound for several steps
STEP = 0.04  # seconds that a step may take, of as many streams as two processors have time for
HOP = 2  # frames of 20 ms in a step of the network: half of the work of one at a time, 20 ms later

# Of a live stream. They need no setting: clients that are paced to the sound are far from them.
AHEAD = 2.0  # seconds of sound that may come before their time; what is faster is not read until its time comes
BEHIND, BUSY = 4.0, 1.0  # seconds by which frames are late: the server ends streams, and takes no more
LOOK = 0.1  # seconds between two looks at how late frames are
SHED = 4.0  # seconds between two streams that are ended for the sake of the others
BURST, PACE = 1000, 500  # messages that may come at once, and a second
MESSAGE = 128 << 10  # bytes: 2 s of 32 kHz in 16 bits
UNREAD = 10.0  # seconds of frames that may wait for a client that does not read
HELLO = 10.0  # seconds until the first message, or the head of a request
UPLOAD = 120.0  # seconds that the body of a request may take
WORK = 600.0  # seconds that a recording may take once its turn has come
GRACE = 5.0  # seconds in which streams end when the server does

# Codes of WebSocket's closing: those of RFC 6455 and its registry, and 4000 + the HTTP status that says the same.
DONE, LEAVING, TOO_BIG, DEFECT, FULL = 1000, 1001, 1009, 1011, 1013
WRONG, IDLE, UNREAD_FRAMES, TOO_LONG, TOO_MANY = 4400, 4408, 4409, 4413, 4429
CODES = {
    DONE: "the client asked to finish, and has every frame",
    LEAVING: "the server ends; the frames of all sound that came were sent",
    TOO_BIG: f"a message had more than {MESSAGE >> 10} KB",
    DEFECT: "a defect of the server, which its log has",
    FULL: "the server has as many streams as it may, or more than it can step in time; try again later",
    WRONG: "a message was wrong; the last message says how",
    IDLE: "no hello, or no sound, came in time",
    UNREAD_FRAMES: f"frames of {UNREAD:g} s were not read",
    TOO_LONG: "the longest time of a stream is over; the frames of all sound that came were sent",
    TOO_MANY: f"more than {PACE} messages a second came",
}
