"""Real wheels and the preflight: the refused ones are known by name, and each deserves it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from support.cache import cache_folder
from support.wheels import known_wheels
from wheelfix.archive import WheelArchive
from wheelfix.errors import InvalidWheelError

if TYPE_CHECKING:
    from pathlib import Path

    from support.wheels import KnownWheel, WheelFactory

pytestmark = pytest.mark.wheels

#: by the wheel's name: the code, and what all its findings say
REFUSED = {
    # made by the first release of wheel, before the format was agreed upon
    "wheel-0.9.7-py27-none-any.whl": ("WF404", "Wheel-Version is 0.1, known here is 1.x"),
    # every row is an absolute path, as of "/selenium/__init__.py": none of its 298 files is vouched for
    "selenium-4.1.0-py3-none-any.whl": ("WF407", "it is not listed in RECORD"),
    # the digests are hexadecimal
    "gmsh-4.15.2-py2.py3-none-manylinux_2_24_x86_64.whl": (
        "WF407",
        "RECORD writes the hash of 'gmsh.py' and 423 more not in urlsafe base64",
    ),
    # tags were written into WHEEL when RECORD was written already
    "sentry_cli-3.8.0-py3-none-manylinux_2_17_x86_64.manylinux2014_x86_64.musllinux_1_2_x86_64.whl": (
        "WF407",
        "it has 180 bytes, RECORD says 101",
    ),
    "sentry_cli-3.8.2-py3-none-manylinux_2_17_i686.manylinux2014_i686.musllinux_1_2_i686.whl": (
        "WF407",
        "it has 174 bytes, RECORD says 101",
    ),
}


def available(known: KnownWheel, wheel: WheelFactory) -> Path | None:
    """Give those that other tests use, and of the others those that are there already."""
    if known.used_for:
        return wheel(known.file)
    path = cache_folder() / "wheels" / known.sha256[:12] / known.file
    return path if path.is_file() else None


def test_the_wheels_that_are_refused(wheel: WheelFactory) -> None:
    found, looked_at = {}, set()
    for known in known_wheels().values():
        path = available(known, wheel)
        if path is None:
            continue
        looked_at.add(known.file)
        try:
            with WheelArchive.open(path) as archive:
                assert archive.findings == ()
        except InvalidWheelError as error:
            ((code, sentence),) = {(each.code.id, each.sentence) for each in error.findings}
            found[known.file] = (code, sentence)
    assert found == {file: why for file, why in REFUSED.items() if file in looked_at}
    assert len(looked_at) >= 100


def test_those_whose_record_is_bad_are_those_that_the_list_knows() -> None:
    listed = {known.file for known in known_wheels().values() if "RECORD_BAD" in known.verdicts}
    assert {file for file, (code, _) in REFUSED.items() if code == "WF407"} == listed


@pytest.mark.parametrize("file", [file for file in REFUSED if known_wheels()[file].used_for])
def test_what_is_wrong_with_record_can_be_allowed(file: str, wheel: WheelFactory) -> None:
    code, _ = REFUSED[file]
    if code == "WF404":
        with pytest.raises(InvalidWheelError), WheelArchive.open(wheel(file), allow={code}):
            pass
        return
    for allow, validate_record in (({code}, "all"), (set[str](), "none")):
        with WheelArchive.open(
            wheel(file), allow=allow, validate_record=validate_record
        ) as archive:
            assert all(finding.allowed for finding in archive.findings if finding.code.id == code)
            assert archive.paths
