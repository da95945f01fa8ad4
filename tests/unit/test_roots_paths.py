from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wheelfix.targets.roots import InsideRoot

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Make a root beside which a secret lies, with links of every kind."""
    (tmp_path / "secret").write_text("host")
    folder = tmp_path / "root"
    (folder / "usr" / "lib").mkdir(parents=True)
    (folder / "usr" / "lib" / "file").write_text("inside")
    links = {
        "lib": "usr/lib",
        "absolute": "/usr/lib",
        "out": "../../../../secret",
        "absolute-out": str(tmp_path / "secret"),
        "circle": "circle",
        "one": "two",
        "two": "/one",
        "usr/up": "..",
        "chain": "/usr/up/absolute/file",
    }
    for name, target in links.items():
        (folder / name).symlink_to(target)
    os.mkfifo(folder / "fifo")
    return folder


@pytest.mark.parametrize(
    ("path", "resolved"),
    [
        ("/usr/lib/file", "/usr/lib/file"),
        ("/lib/file", "/usr/lib/file"),
        ("/absolute/file", "/usr/lib/file"),
        ("/absolute/../x", "/usr/x"),
        ("/../../usr/./lib//", "/usr/lib"),
        ("/out", "/secret"),
        ("/usr/up/up/x", "/up/x"),
        ("/chain", "/usr/lib/file"),
        ("/usr/lib/file/below", "/usr/lib/file/below"),
        ("/missing/x", "/missing/x"),
        ("", "/"),
    ],
)
def test_links_are_followed_as_chroot_would(root: Path, path: str, resolved: str) -> None:
    assert InsideRoot(str(root)).resolve(path) == resolved


@pytest.mark.parametrize(
    ("path", "number"),
    [("/circle", errno.ELOOP), ("/one/x", errno.ELOOP), ("/a\0b", errno.EINVAL)],
)
def test_what_leads_nowhere_is_an_error(root: Path, path: str, number: int) -> None:
    with pytest.raises(OSError, match=r".") as caught:
        InsideRoot(str(root)).resolve(path)
    assert caught.value.errno == number


@pytest.mark.parametrize("path", ["/out", "/absolute-out", "/../secret", "/usr/up/../secret"])
def test_the_root_is_never_left(root: Path, path: str) -> None:
    inside = InsideRoot(str(root))
    assert inside.host_path(path).startswith(f"{root}{os.sep}")
    assert not inside.is_file(path)
    with pytest.raises(FileNotFoundError):
        inside.read(path, 100)


def test_files_and_folders_are_told_apart(root: Path) -> None:
    inside = InsideRoot(str(root))
    assert inside.read("/chain", 6) == b"inside"
    assert inside.is_file("/lib/file")
    assert inside.is_folder("/lib")
    assert inside.names("/absolute") == ["file"]
    assert inside.names("/missing") == inside.names("/lib/file") == []
    assert not inside.is_file("/circle")


@pytest.mark.parametrize(
    ("path", "number"),
    [("/fifo", errno.EINVAL), ("/lib", errno.EINVAL), ("/lib/file", errno.EFBIG)],
)
def test_only_regular_files_of_a_bounded_size_are_read(root: Path, path: str, number: int) -> None:
    with pytest.raises(OSError, match=r".") as caught:
        InsideRoot(str(root)).read(path, 5)
    assert caught.value.errno == number


def test_one_link_is_followed_at_a_time(root: Path) -> None:
    inside = InsideRoot(str(root))
    assert inside.link_target("/lib") == "/usr/lib"
    assert inside.link_target("/chain") == "/usr/up/absolute/file"
    assert inside.link_target("/usr") is None


def test_an_unreadable_link_is_an_error(root: Path) -> None:
    with pytest.raises(OSError, match=r"."):
        InsideRoot(str(root)).resolve("/" + "x" * 300)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(st.sampled_from(["..", ".", "", "a", "b", "/", "c/..", "/a", "b/c"])))
def test_any_links_lead_inside_or_nowhere(tmp_path: Path, parts: list[str]) -> None:
    folder = tmp_path / "root"
    folder.mkdir(exist_ok=True)
    for name, target in zip("abc", parts):
        (folder / name).unlink(missing_ok=True)
        (folder / name).symlink_to(target or ".")
    inside = InsideRoot(str(folder))
    try:
        host = inside.host_path("/".join(parts))
    except OSError as error:
        failure = error.errno
        host = str(folder)
    else:
        failure = errno.ELOOP
    assert failure == errno.ELOOP
    assert os.path.realpath(host) == host
    assert host == str(folder) or host.startswith(f"{folder}{os.sep}")
