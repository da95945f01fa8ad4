"""The contents of members, unpacked by threads a little ahead of who looks at them: zlib releases the GIL."""

from __future__ import annotations

import mmap
import os
from collections import deque
from functools import partial
from tempfile import TemporaryFile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from concurrent.futures import Future

    from wheelfix.archive import WheelArchive
    from wheelfix.checking._contents import Buffer

__all__ = ["contents_of_members"]

#: bytes of one member that are held in memory; a larger one goes to a temporary file, of which only those pages are
#: in memory that are looked at
_MAX_IN_MEMORY = 8 * 1024 * 1024
_COPY_SIZE = 256 * 1024
#: bytes that are unpacked ahead, besides what the threads work on
_MAX_AHEAD = 4 * 1024 * 1024
_MAX_THREADS = 2
#: bytes of compressed content that are unpacked sooner than threads are started
_WORTH_THREADS = 1024 * 1024


def contents_of_members(archive: WheelArchive, paths: Sequence[str]) -> Iterator[Buffer]:
    """Give the content of each member, the whole of it; it may be looked at until the next one is asked for.

    :raises InvalidWheelError: WF413 if one of them is damaged.
    """
    packed_size = sum(archive.packed_member(path).compressed_size for path in paths)
    threads = min(os.cpu_count() or 1, _MAX_THREADS)
    contents: Iterator[Buffer]
    if threads == 1 or packed_size < _WORTH_THREADS or archive.room:
        contents = map(partial(_unpacked, archive), paths)
    else:
        contents = _ahead(archive, paths, threads)
    for content in contents:
        yield content
        if not isinstance(content, bytes):
            content.close()


def _ahead(archive: WheelArchive, paths: Sequence[str], threads: int) -> Iterator[Buffer]:
    from concurrent.futures import ThreadPoolExecutor

    waiting: deque[tuple[int, Future[Buffer]]] = deque()
    ahead = 0
    with ThreadPoolExecutor(threads, "wheelfix-inflate") as pool:
        try:
            for path in paths:
                while waiting and ahead > _MAX_AHEAD:
                    size, future = waiting.popleft()
                    ahead -= size
                    yield future.result()
                size = min(archive.packed_member(path).size, _MAX_IN_MEMORY)
                waiting.append((size, pool.submit(_unpacked, archive, path)))
                ahead += size
            while waiting:
                yield waiting.popleft()[1].result()
        finally:
            for _, future in waiting:
                future.cancel()


def _unpacked(archive: WheelArchive, path: str) -> Buffer:
    # what is installed next is unpacked once
    kept = archive.keep(path)
    if kept is not None:
        return kept
    with archive.open_member(path) as stream:
        begin = stream.read(_MAX_IN_MEMORY)
        if len(begin) < _MAX_IN_MEMORY:
            return begin
        with TemporaryFile() as copy:
            while begin:
                copy.write(begin)
                begin = stream.read(_COPY_SIZE)
            copy.flush()
            return mmap.mmap(copy.fileno(), 0, access=mmap.ACCESS_READ)
