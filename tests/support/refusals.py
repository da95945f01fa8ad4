"""Opens wheels that are refused."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from installer.exceptions import InvalidWheelSource

from wheelfix.archive import WheelArchive
from wheelfix.errors import InvalidWheelError, WheelfixError

if TYPE_CHECKING:
    import os
    from pathlib import Path

    from wheelfix.codes import Code, Finding

__all__ = ["assert_refused", "refusal", "warnings_of"]


def refusal(path: str | os.PathLike[str]) -> Finding:
    """Open a wheel that is refused for one reason."""
    with pytest.raises(InvalidWheelError) as caught, WheelArchive.open(path):
        pass
    assert isinstance(caught.value, (WheelfixError, InvalidWheelSource))
    (finding,) = caught.value.findings
    assert finding.refuses
    return finding


def assert_refused(path: Path, code: Code, sentence: str) -> None:
    """Open a wheel that is refused for one reason, which is about the whole wheel."""
    finding = refusal(path)
    assert (finding.code, finding.subject) == (code, path.name)
    assert sentence in finding.sentence
    assert "\n" not in finding.sentence


def warnings_of(path: Path, *, allow: str = "", validate_record: str = "all") -> list[Finding]:
    """Open a wheel that isn't refused, and give what was found out about it.

    :param allow: a code.
    """
    with WheelArchive.open(path, allow={allow}, validate_record=validate_record) as archive:
        assert not any(finding.refuses for finding in archive.findings)
        return list(archive.findings)
