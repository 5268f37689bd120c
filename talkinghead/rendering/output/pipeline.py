"""Drawing in one thread, encoding in another."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from queue import Full, Queue
from threading import Thread

import numpy as np

QUEUE_SIZE = 8  # frames between renderer and encoder


def encode(pictures: Iterable[np.ndarray], write: Callable[[Iterator[np.ndarray]], None]) -> None:
    """Draw in this thread, `write` in another. An exception in either of them stops both before this returns."""
    queue: Queue[np.ndarray | None] = Queue(QUEUE_SIZE)
    failure: list[BaseException] = []
    stop = False

    def waiting() -> Iterator[np.ndarray]:
        while (picture := queue.get()) is not None:
            yield picture
        if stop:
            raise InterruptedError

    def work() -> None:
        try:
            write(waiting())
        except BaseException as error:  # raised again in the thread that draws
            failure.append(error)

    thread = Thread(target=work, name="talkinghead-encoder", daemon=True)
    thread.start()
    try:
        for picture in pictures:
            if not _put(queue, picture, thread):
                break
    except BaseException:
        stop = True
        raise
    finally:
        _put(queue, None, thread)
        thread.join()
    if failure:
        raise failure[0]


def _put(queue: Queue, item: np.ndarray | None, thread: Thread) -> bool:
    """Put an item into the queue, waiting for room; False if the thread that takes items has ended."""
    while thread.is_alive():
        try:
            queue.put(item, timeout=0.2)
            return True
        except Full:
            continue
    return False
