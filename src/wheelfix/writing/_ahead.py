"""What one thread makes while another one uses what was made before."""

from __future__ import annotations

import threading
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

__all__ = ["taken_ahead"]

_CHUNKS_AHEAD = 8


def taken_ahead(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Give out chunks that a second thread takes from where they come, a few ahead.

    What is raised there is raised here; who stops early has to close the iterator.
    """
    waiting: deque[bytes] = deque()
    filled, free = threading.Semaphore(0), threading.Semaphore(_CHUNKS_AHEAD)
    errors: list[Exception] = []
    given_up = False

    def take() -> None:
        try:
            for chunk in chunks:
                free.acquire()
                if given_up:
                    return
                waiting.append(chunk)
                filled.release()
        # raised by the thread that uses them
        except Exception as error:  # noqa: BLE001 - see above
            errors.append(error)
        waiting.append(b"")
        filled.release()

    thread = threading.Thread(target=take, name="wheelfix-inflate", daemon=True)
    thread.start()
    try:
        while True:
            filled.acquire()
            chunk = waiting.popleft()
            if not chunk:
                break
            yield chunk
            free.release()
    finally:
        given_up = True
        free.release()
        thread.join()
    if errors:
        raise errors[0]
