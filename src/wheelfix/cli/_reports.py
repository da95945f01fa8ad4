"""``--report``, an option of several commands."""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any, TextIO

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["is_terminal", "print_line", "report_stream", "write_report"]


@contextlib.contextmanager
def report_stream(file: str | None) -> Iterator[TextIO | None]:
    """Open the report before anything is changed: a call whose report can't be written changes nothing.

    :param file: "-" for standard output, None for no report.
    :raises EnvironmentRefusedError: WF506.
    """
    if file is None:
        yield None
        return
    # now: after the first write, a module that was installed could be found in its place
    import json  # noqa: F401 - used where the report is written

    if file == "-":
        yield sys.stdout
    else:
        try:
            stream = open(file, "w", encoding="utf-8")  # noqa: SIM115 - closed below
        except OSError as error:
            finding = Finding(codes.CANNOT_WRITE, file, error.strerror or str(error))
            raise EnvironmentRefusedError([finding]) from error
        try:
            yield stream
        finally:
            # what could not be written was told when it was flushed
            with contextlib.suppress(OSError):
                stream.close()


def write_report(stream: TextIO | None, report: dict[str, Any]) -> bool:
    """Write the report.

    :return: whether it was written, or nobody was there to read it; what it tells of stays as it is.
    """
    if stream is None:
        return True
    import json

    try:
        stream.write(f"{json.dumps(report, indent=2)}\n")
        stream.flush()
    except BrokenPipeError:
        # who reads it has seen enough
        return True
    except OSError as error:
        sentence = f"the report is lost: {error.strerror}; nothing else is affected"
        print(f"wheelfix: error: {stream.name}: {sentence}", file=sys.stderr)
        return False
    return True


def is_terminal() -> bool:
    """Tell whether somebody sees what is printed."""
    return sys.stdout is not None and sys.stdout.isatty()


def print_line(line: str) -> None:
    """Print, whatever the encoding of standard output is."""
    try:
        print(line)
    except UnicodeEncodeError:
        # what is printed must not fail what is done; stderr does the same by itself
        print(line.encode("ascii", "backslashreplace").decode())
