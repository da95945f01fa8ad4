from __future__ import annotations

import contextlib
import errno
import os
import resource
import stat
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import installer
import pytest
from installer.records import RecordEntry
from installer.sources import WheelFile

from support.trees import names, tree
from support.wheel_maker import make_wheel, record_hash
from wheelfix.archive import WheelArchive
from wheelfix.destinations import TransactionalDestination, roots_of
from wheelfix.errors import (
    EnvironmentRefusedError,
    FileExistsRefusedError,
    InvalidWheelError,
    WheelfixError,
)
from wheelfix.transactions import Transaction

if TYPE_CHECKING:
    from collections.abc import Iterator

    from installer.utils import Scheme

PURELIB, PLATLIB, DATA = (cast("Scheme", each) for each in ("purelib", "platlib", "data"))
SCRIPTS = cast("Scheme", "scripts")


class StopError(Exception):
    """What ends a block in these tests."""


def folders_in(root: Path) -> dict[str, str]:
    names_ = {"purelib": "lib", "platlib": "lib64", "headers": "include", "scripts": "bin"}
    return {**{scheme: str(root / name) for scheme, name in names_.items()}, "data": str(root)}


def transaction_in(
    root: Path, folders: dict[str, str] | None = None, destdir: str | None = None
) -> Transaction:
    return Transaction(roots_of(folders or folders_in(root), destdir))


def destination_in(
    root: Path, transaction: Transaction | None = None, **options: Any
) -> TransactionalDestination:
    folders = options.pop("folders", folders_in(root))
    return TransactionalDestination(
        folders,
        options.pop("interpreter", "/usr/bin/python3"),
        options.pop("script_kind", "posix"),
        transaction or transaction_in(root, folders, options.get("destdir")),
        **options,
    )


@contextlib.contextmanager
def committed(root: Path, **options: Any) -> Iterator[TransactionalDestination]:
    """Give a destination; what is written to it is in its place after the block."""
    with transaction_in(root, options.get("folders"), options.get("destdir")) as transaction:
        yield destination_in(root, transaction, **options)


def write(
    destination: TransactionalDestination,
    path: str,
    content: bytes = b"new",
    scheme: Scheme = PURELIB,
    *,
    is_executable: bool = False,
) -> RecordEntry:
    return destination.write_file(scheme, path, BytesIO(content), is_executable)


# as part of a transaction


def test_what_was_written_is_there_after_the_block_and_not_before(tmp_path: Path) -> None:
    with committed(tmp_path) as destination:
        write(destination, "pkg/a.py")
        assert not (tmp_path / "lib").exists()
    assert names(tree(tmp_path)) == {"lib/pkg/a.py"}


@pytest.mark.parametrize("kind", [StopError, KeyboardInterrupt, SystemExit])
def test_an_exception_takes_everything_back(tmp_path: Path, kind: type[BaseException]) -> None:
    (tmp_path / "lib" / "pkg" / "empty").mkdir(parents=True)
    (tmp_path / "lib" / "pkg" / "old.py").write_text("old")
    (tmp_path / "lib" / "pkg" / "link.py").symlink_to("nowhere")
    before = tree(tmp_path)

    def act() -> None:
        with committed(tmp_path, overwrite_existing=True) as destination:
            for path in ("pkg/old.py", "pkg/link.py", "pkg/new.py", "pkg/deep/er/new.py", "top.py"):
                write(destination, path)
            write(destination, "share/doc/x", scheme=DATA)
            raise kind

    with pytest.raises(kind):
        act()
    assert tree(tmp_path) == before


def test_a_file_that_is_given_twice(tmp_path: Path) -> None:
    with committed(tmp_path, overwrite_existing=True) as destination:
        write(destination, "a.py", b"first")
        with pytest.raises(FileExistsRefusedError, match="it is given twice"):
            write(destination, "a.py", b"second")
    assert (tmp_path / "lib" / "a.py").read_bytes() == b"first"


def test_a_file_that_another_wheel_brings_too_is_left_to_it(tmp_path: Path) -> None:
    with transaction_in(tmp_path) as transaction:
        first, second = (destination_in(tmp_path, transaction) for _ in range(2))
        first.supersede(first.location("purelib", "a.py"))
        entry = write(first, "a.py", b"first")
        write(first, "b.py", b"first")
        write(second, "a.py", b"second")
    # (RECORD of the first lists what it would have brought, as if both were installed in turn)
    assert entry.to_row() == ("a.py", record_hash(b"first"), "5")
    assert (tmp_path / "lib" / "a.py").read_text() == "second"
    assert (tmp_path / "lib" / "b.py").read_text() == "first"


def test_what_is_replaceable_is_no_obstacle(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.py").write_text("old")
    with committed(tmp_path) as destination:
        destination.let_replace([str(tmp_path / "lib" / "a.py")])
        write(destination, "a.py")
    assert (tmp_path / "lib" / "a.py").read_text() == "new"


# never in place, never through a link


def test_a_hard_link_elsewhere_keeps_its_bytes(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_bytes(b"old")
    (tmp_path / "lib").mkdir()
    os.link(cache, tmp_path / "lib" / "a.py")
    with committed(tmp_path, overwrite_existing=True) as destination:
        write(destination, "a.py")
    assert cache.read_bytes() == b"old"
    assert cache.stat().st_nlink == 1
    assert (tmp_path / "lib" / "a.py").read_bytes() == b"new"


@pytest.mark.parametrize("leads_to", ["file", "nowhere", "folder"])
def test_a_link_is_replaced_and_its_target_keeps_its_bytes(tmp_path: Path, leads_to: str) -> None:
    (tmp_path / "file").write_bytes(b"old")
    (tmp_path / "folder").mkdir()
    before = tree(tmp_path)
    (tmp_path / "lib").mkdir()
    link = tmp_path / "lib" / "a.py"
    link.symlink_to(tmp_path / leads_to)
    with pytest.raises(FileExistsRefusedError):
        write(destination_in(tmp_path), "a.py")
    assert link.is_symlink()
    with committed(tmp_path, overwrite_existing=True) as destination:
        write(destination, "a.py")
    assert not link.is_symlink()
    assert link.read_bytes() == b"new"
    link.unlink()
    link.parent.rmdir()
    assert tree(tmp_path) == before


@pytest.mark.parametrize("destdir", [False, True])
def test_a_linked_folder_below_the_scheme_is_refused(tmp_path: Path, *, destdir: bool) -> None:
    (tmp_path / "elsewhere").mkdir()
    root = tmp_path / "root"
    (root / "lib").mkdir(parents=True)
    (root / "lib" / "pkg").symlink_to(tmp_path / "elsewhere")
    folders = folders_in(Path("/") if destdir else root)
    with pytest.raises(
        EnvironmentRefusedError, match=r"WF506 .*/lib/pkg: the wheel has a folder"
    ) as caught:
        write(
            destination_in(root, folders=folders, destdir=str(root) if destdir else None),
            "pkg/deep/a.py",
        )
    assert caught.value.findings[0].subject == str(root / "lib" / "pkg")
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_links_above_the_scheme_are_the_owners_affair(tmp_path: Path) -> None:
    (tmp_path / "real" / "lib").mkdir(parents=True)
    (tmp_path / "root").symlink_to(tmp_path / "real")
    (tmp_path / "real" / "lib64").symlink_to("lib")
    with committed(tmp_path / "root") as destination:
        write(destination, "a.py")
        write(destination, "pkg/b.so", scheme=PLATLIB)
    assert names(tree(tmp_path / "real" / "lib")) == {"a.py", "pkg/b.so"}


def test_a_folder_that_one_scheme_may_pass_another_may_not(tmp_path: Path) -> None:
    """A virtual environment's lib64 is a link: as platlib it is the root, as data's folder it is not."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib64").symlink_to("lib")
    with committed(tmp_path) as destination:
        write(destination, "a.so", scheme=PLATLIB)
        with pytest.raises(
            EnvironmentRefusedError,
            match="lib64: the wheel has a folder where this is a symbolic link",
        ):
            write(destination, "lib64/b.so", scheme=DATA)


# what is in the way


def test_an_existing_file(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.py").write_bytes(b"old")
    destination = destination_in(tmp_path)
    with pytest.raises(FileExistsError) as caught:
        write(destination, "a.py")
    assert isinstance(caught.value, WheelfixError)
    assert str(caught.value) == f"WF505 {tmp_path}/lib/a.py: it exists already"
    assert names(tree(tmp_path)) == {"lib/a.py"}


def test_an_existing_folder_is_never_replaced_by_a_file(tmp_path: Path) -> None:
    (tmp_path / "lib" / "a.py" / "theirs").mkdir(parents=True)
    before = tree(tmp_path)
    destination = destination_in(tmp_path, overwrite_existing=True)
    with pytest.raises(EnvironmentRefusedError, match=r"WF506 .*/lib/a\.py: there is a folder"):
        write(destination, "a.py")
    assert tree(tmp_path) == before


@pytest.mark.parametrize("in_the_way", ["lib/pkg", "lib", "."])
def test_an_existing_file_is_never_replaced_by_a_folder(tmp_path: Path, in_the_way: str) -> None:
    root = tmp_path / "root"
    (root / in_the_way).parent.mkdir(parents=True, exist_ok=True)
    (root / in_the_way).write_text("old")
    destination = destination_in(root, overwrite_existing=True)
    with pytest.raises(EnvironmentRefusedError) as caught:
        write(destination, "pkg/deep/a.py")
    assert str(caught.value) == (
        f"WF506 {root / in_the_way}: it is no folder, but files of the wheel belong below it"
    )


def test_nothing_is_in_the_way_up_to_the_top(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    # an empty text is the current folder, as with `python -m installer --destdir ""`
    for destdir in ("build", "", "./a/../b"):
        folders = folders_in(Path("/"))
        with committed(tmp_path, folders=folders, destdir=destdir) as destination:
            assert destination.look_up("data", "share/x")[1] is None
            write(destination, "share/x", scheme=DATA)
        assert Path(os.path.normpath(destdir), "share/x").read_bytes() == b"new"


@pytest.mark.parametrize("path", ["../a.py", "pkg/../../a.py", "/etc/a.py", ".", "pkg/.."])
def test_a_path_that_leads_out(tmp_path: Path, path: str) -> None:
    destination = destination_in(tmp_path / "root")
    with pytest.raises(InvalidWheelError, match=f"WF408 .*outside of {tmp_path}/root/lib"):
        write(destination, path)
    assert tree(tmp_path) == {}


# what the file system says


def test_a_name_that_is_too_long(tmp_path: Path) -> None:
    before = tree(tmp_path)

    def act() -> None:
        with committed(tmp_path) as destination:
            write(destination, "pkg/a.py")
            write(destination, f"pkg/{'x' * 256}")

    with pytest.raises(EnvironmentRefusedError) as caught:
        act()
    (finding,) = caught.value.findings
    assert (finding.code.id, finding.subject) == ("WF506", str(tmp_path / "lib/pkg" / ("x" * 256)))
    assert finding.sentence == "the file system takes names of up to 255 bytes"
    assert tree(tmp_path) == before


def test_a_folder_name_that_is_too_long(tmp_path: Path) -> None:
    folder = tmp_path / "lib" / ("x" * 256)
    with pytest.raises(EnvironmentRefusedError) as caught, committed(tmp_path) as destination:
        write(destination, f"{folder.name}/a.py")
    assert str(caught.value) == f"WF506 {folder}: {os.strerror(errno.ENAMETOOLONG)}"
    assert tree(tmp_path) == {}


def test_a_name_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    name = "x" * os.pathconf(tmp_path, "PC_NAME_MAX")
    for content in (b"first", b"second"):
        with committed(tmp_path, overwrite_existing=True) as destination:
            write(destination, name, content)
    assert names(tree(tmp_path)) == {f"lib/{name}"}
    assert (tmp_path / "lib" / name).read_bytes() == b"second"


def test_a_stream_that_fails_leaves_nothing(tmp_path: Path) -> None:
    class Damaged(BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise StopError

    with committed(tmp_path) as destination, pytest.raises(StopError):
        destination.write_file(PURELIB, "a.py", Damaged(b"x"), is_executable=False)
    assert names(tree(tmp_path)) == set()
    with committed(tmp_path) as destination:
        destination.supersede(destination.location("purelib", "a.py"))
        with pytest.raises(StopError):
            destination.write_file(PURELIB, "a.py", Damaged(b"x"), is_executable=False)
    assert names(tree(tmp_path)) == set()


def test_a_file_that_finds_no_room(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))
    try:
        with (
            committed(tmp_path) as destination,
            pytest.raises(EnvironmentRefusedError, match=r"WF506 .*/lib/a\.py: File too large"),
        ):
            write(destination, "a.py", b"x" * 2000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert names(tree(tmp_path)) == set()


# what is written


@pytest.mark.parametrize(
    ("umask", "is_executable", "mode"),
    [(0o022, False, 0o644), (0o022, True, 0o755), (0o077, False, 0o600), (0o077, True, 0o711)],
)
def test_modes_and_records(tmp_path: Path, umask: int, mode: int, *, is_executable: bool) -> None:
    old = os.umask(umask)
    try:
        with committed(tmp_path) as destination:
            entry = write(destination, "pkg/a", is_executable=is_executable)
    finally:
        os.umask(old)
    assert stat.S_IMODE((tmp_path / "lib" / "pkg" / "a").stat().st_mode) == mode
    assert entry.to_row() == ("pkg/a", record_hash(b"new"), "3")


SCRIPT = b"#!python -E\nprint('hello')\n"


@pytest.mark.parametrize(
    ("interpreter", "shebang", "first_line"),
    [
        ("/usr/bin/python3", None, b"#!/usr/bin/python3"),
        # as installer does
        ("/opt/my python/bin/python3", None, b"#!/opt/my python/bin/python3"),
        ("/usr/bin/python3", "/usr/bin/env python3", b"#!/usr/bin/env python3"),
    ],
)
def test_scripts(tmp_path: Path, interpreter: str, shebang: str | None, first_line: bytes) -> None:
    with committed(tmp_path, interpreter=interpreter, shebang=shebang) as destination:
        entry = write(destination, "run", SCRIPT, SCRIPTS)
        write(destination, "shell", b"#!/bin/sh\n", SCRIPTS)
    content = (tmp_path / "bin" / "run").read_bytes()
    assert content == first_line + b"\nprint('hello')\n"
    assert entry.to_row() == ("run", record_hash(content), str(len(content)))
    assert (tmp_path / "bin" / "shell").read_bytes() == b"#!/bin/sh\n"
    # (whatever the archive says of their mode)
    assert all(os.access(each, os.X_OK) for each in (tmp_path / "bin").iterdir())


@pytest.mark.parametrize(
    ("interpreter", "shebang", "first_lines"),
    [
        ("/usr/bin/python3", None, b"#!/usr/bin/python3\n# -*-"),
        (
            "/opt/my python/bin/python3",
            None,
            b"#!/bin/sh\n'''exec' '/opt/my python/bin/python3' \"$0\" \"$@\"\n' '''\n# -*-",
        ),
        ("/usr/bin/python3", "/usr/bin/env python3", b"#!/usr/bin/env python3\n# -*-"),
        ("/usr/bin/python3", "/opt/my python", b"#!/opt/my python\n# -*-"),
        ("/usr/bin/python3", "/" + "x" * 200, b"#!/" + b"x" * 200 + b"\n# -*-"),
    ],
)
def test_entry_points(
    tmp_path: Path, interpreter: str, shebang: str | None, first_lines: bytes
) -> None:
    with committed(tmp_path, interpreter=interpreter, shebang=shebang) as destination:
        entry = destination.write_script("hello", "pkg.mod", "main.run", "console")
    content = (tmp_path / "bin" / "hello").read_bytes()
    assert content.startswith(first_lines)
    assert b"\nfrom pkg.mod import main\n" in content
    assert b"\n    sys.exit(main.run())\n" in content
    assert entry.to_row() == ("hello", record_hash(content), str(len(content)))
    assert os.access(tmp_path / "bin" / "hello", os.X_OK)


@pytest.mark.parametrize("shebang", [None, "C:\\Python\\python.exe"])
def test_launchers_for_windows(tmp_path: Path, shebang: str | None) -> None:
    with committed(
        tmp_path, interpreter="C:\\Python\\python.exe", shebang=shebang, script_kind="win-amd64"
    ) as destination:
        entry = destination.write_script("hello", "pkg.mod", "main", "console")
    content = (tmp_path / "bin" / "hello.exe").read_bytes()
    assert content.startswith(b"MZ")
    assert b"#!C:\\Python\\python.exe\nPK" in content
    assert entry.path == "hello.exe"


def test_python_files_are_those_that_imports_reach(tmp_path: Path) -> None:
    folders = folders_in(Path("/target"))
    with committed(tmp_path, folders=folders, destdir=str(tmp_path)) as destination:
        write(destination, "pkg/a.py")
        write(destination, "pkg/b.so", scheme=PLATLIB)
        write(destination, "pkg/c.py", scheme=PLATLIB)
        write(destination, "share/d.py", scheme=DATA)
        found = destination.python_files
        assert [Path(staged).read_bytes() for staged, _, _ in found] == [b"new", b"new"]
    assert [(final, seen_as) for _, final, seen_as in found] == [
        (str(tmp_path / "target/lib/pkg/a.py"), "/target/lib/pkg/a.py"),
        (str(tmp_path / "target/lib64/pkg/c.py"), "/target/lib64/pkg/c.py"),
    ]


def test_record_is_sorted_and_relative(tmp_path: Path) -> None:
    with committed(tmp_path) as destination:
        entries = [
            (scheme, write(destination, path, scheme=scheme))
            for scheme, path in [
                (PURELIB, "z.py"),
                (SCRIPTS, "run"),
                (PURELIB, "a,b.py"),
                (DATA, "s/x"),
            ]
        ]
        record = RecordEntry("x-1.dist-info/RECORD", None, None)
        destination.finalize_installation(PURELIB, record.path, [*entries, (PURELIB, record)])
    hash_ = record_hash(b"new")
    assert (tmp_path / "lib/x-1.dist-info/RECORD").read_text().splitlines() == [
        f'"a,b.py",{hash_},3',
        f"../bin/run,{hash_},3",
        f"../s/x,{hash_},3",
        "x-1.dist-info/RECORD,,",
        f"z.py,{hash_},3",
    ]


# a second name for the same content


def test_a_second_name_is_a_hard_link(tmp_path: Path) -> None:
    same_content = {("purelib", "pkg/b.so"): "pkg/a.so"}
    with committed(tmp_path, same_content=same_content) as destination:
        first = write(destination, "pkg/a.so", b"code", is_executable=True)
        stream = BytesIO(b"never read")
        second = destination.write_file(PURELIB, "pkg/b.so", stream, is_executable=True)
        destination.link_second_names()
    assert stream.tell() == 0
    assert (tmp_path / "lib/pkg/a.so").samefile(tmp_path / "lib/pkg/b.so")
    assert (second.hash_, second.size) == (first.hash_, first.size)
    assert second.path == "pkg/b.so"
    assert names(tree(tmp_path)) == {"lib/pkg/a.so", "lib/pkg/b.so"}


def test_of_another_scheme_there_is_no_second_name(tmp_path: Path) -> None:
    with committed(tmp_path, same_content={("purelib", "b.so"): "a.so"}) as destination:
        write(destination, "a.so", b"code", DATA)
        write(destination, "b.so", b"other", DATA)
    assert (tmp_path / "b.so").read_bytes() == b"other"


def test_a_second_name_is_a_copy_where_links_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    with committed(tmp_path, same_content={("purelib", "b.so"): "a.so"}) as destination:
        write(destination, "a.so", b"code")
        entry = write(destination, "b.so", b"code")
        # no file system without hard links can be had in a test
        monkeypatch.setattr(os, "link", refuse)
        destination.link_second_names()
    assert entry.to_row() == ("b.so", record_hash(b"code"), "4")
    assert not (tmp_path / "lib/a.so").samefile(tmp_path / "lib/b.so")
    assert names(tree(tmp_path)) == {"lib/a.so", "lib/b.so"}


def test_a_second_name_that_is_too_long(tmp_path: Path) -> None:
    name = "x" * 256
    with committed(tmp_path, same_content={("purelib", name): "a.so"}) as destination:
        write(destination, "a.so")
        with pytest.raises(EnvironmentRefusedError, match=f"WF506 .*/lib/{name}: "):
            write(destination, name)
    assert names(tree(tmp_path)) == {"lib/a.so"}


def test_a_second_name_of_what_is_gone_is_told(tmp_path: Path) -> None:
    with transaction_in(tmp_path) as transaction:
        same_content = {("purelib", "b.so"): "a.so"}
        destination = destination_in(tmp_path, transaction, same_content=same_content)
        write(destination, "a.so", b"code")
        write(destination, "b.so", b"code")
        (staged,) = tmp_path.glob(".wheelfix/new/*/lib/a.so")
        staged.unlink()
        with pytest.raises(EnvironmentRefusedError, match=r"WF506 .*/lib/b\.so: No such file"):
            destination.link_second_names()
    assert names(tree(tmp_path)) == set()


def test_a_second_name_has_the_hash_that_was_found(tmp_path: Path) -> None:
    wheel = make_wheel(tmp_path, {"a.so": "code", "b.so": "code"}, record_rows={"a.so": ("", "")})
    root = tmp_path / "root"
    with (
        WheelArchive.open(wheel, validate_record="none") as source,
        committed(root, same_content={("purelib", "b.so"): "a.so"}) as destination,
    ):
        installer.install(source, destination, {})
    record = (root / "lib/example-1.0.dist-info/RECORD").read_text()
    assert record.count(record_hash(b"code")) == 2


# under installer itself


def test_it_works_under_installer(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path,
        {"pkg/__init__.py": "", "example-1.0.data/scripts/run": SCRIPT},
        entry_points="[console_scripts]\nhello = pkg:main\n",
        executable=["example-1.0.data/scripts/run"],
    )
    root = tmp_path / "root"
    with WheelFile.open(wheel) as source, committed(root) as destination:
        installer.install(source, destination, {"INSTALLER": b"me\n"})
    assert names(tree(root)) == {
        "bin/hello",
        "bin/run",
        "lib/example-1.0.dist-info/INSTALLER",
        "lib/example-1.0.dist-info/METADATA",
        "lib/example-1.0.dist-info/RECORD",
        "lib/example-1.0.dist-info/WHEEL",
        "lib/example-1.0.dist-info/entry_points.txt",
        "lib/pkg/__init__.py",
    }


def test_a_name_that_the_file_system_cannot_hold(tmp_path: Path) -> None:
    destination = destination_in(tmp_path)
    _, finding = destination.look_up("purelib", "pkg/\ud800.py")
    assert finding is not None
    assert finding.code.id == "WF506"
    assert finding.sentence == "the encoding of file names, utf-8, has no bytes for it"
