"""Order, times and RECORD of a wheel that is written anew: the same content always gives the same bytes."""

from __future__ import annotations

import csv
import io
import time
from typing import TYPE_CHECKING

from wheelfix import codes
from wheelfix.codes import Finding
from wheelfix.errors import EnvironmentRefusedError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from wheelfix.rewriting._model import NewMember

__all__ = ["EARLIEST", "is_signature", "member_order", "member_time", "record_text"]

#: the first and the last second that a zip archive can name (APPNOTE.TXT 4.4.6, MS-DOS date and time)
EARLIEST, _LATEST = (1980, 1, 1, 0, 0, 0), (2107, 12, 31, 23, 59, 58)
_MAX_DIGITS = 12


def member_time(epoch: str | None) -> tuple[int, int, int, int, int, int]:
    """Give the time that every member bears: never that of the old wheel, which differs from build to build.

    :param epoch: SOURCE_DATE_EPOCH (reproducible-builds.org), in seconds since 1970; None or empty for the earliest
        time that a zip archive can name.
    :return: year to second, in UTC; the second is even, as MS-DOS counts them.
    :raises EnvironmentRefusedError: WF603 if it is no number, as its specification asks for.
    """
    if not epoch:
        return EARLIEST
    digits = epoch.removeprefix("-")
    if not digits.isascii() or not digits.isdigit() or len(digits) > _MAX_DIGITS:
        sentence = f"{epoch!r} is no number of seconds"
        raise EnvironmentRefusedError(
            [Finding(codes.BAD_SOURCE_DATE_EPOCH, "SOURCE_DATE_EPOCH", sentence)]
        )
    seconds = int(epoch)
    if seconds < 0:
        return EARLIEST
    year, month, day, hour, minute, second = time.gmtime(seconds)[:6]
    wanted = (year, month, day, hour, minute, second - second % 2)
    return min(max(wanted, EARLIEST), _LATEST)


def member_order(path: str, dist_info_dir: str) -> tuple[bool, bool, str]:
    """Sort by path; the dist-info folder comes last, where PEP 427 wants it, and RECORD at the very end."""
    return path.startswith(f"{dist_info_dir}/"), path == f"{dist_info_dir}/RECORD", path


def is_signature(path: str, dist_info_dir: str) -> bool:
    """Say whether a member signs RECORD: RECORD.jws and RECORD.p7s (PEP 427), and what else is named like them."""
    return path.startswith(f"{dist_info_dir}/RECORD.") and path.count("/") == 1


def record_text(members: Iterable[NewMember], dist_info_dir: str) -> str:
    """Write RECORD, as ``wheel.wheelfile.WheelFile`` does: a row for each member, none for its signatures.

    :param members: in their order, without RECORD itself.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerows(
        (member.path, member.digest, str(member.size))
        for member in members
        if not is_signature(member.path, dist_info_dir)
    )
    writer.writerow((f"{dist_info_dir}/RECORD", "", ""))
    return text.getvalue()
