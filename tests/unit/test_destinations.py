from __future__ import annotations

import contextlib
import errno
import os
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
from wheelfix import transactions
from wheelfix.destinations import TransactionalDestination
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


@contextlib.contextmanager
def taken_back() -> Iterator[Transaction]:
    """Give a transaction whose block ends with an exception."""
    with contextlib.suppress(StopError), Transaction() as transaction:
        yield transaction
        raise StopError


def folders_in(root: Path) -> dict[str, str]:
    names_ = {"purelib": "lib", "platlib": "lib64", "headers": "include", "scripts": "bin"}
    return {**{scheme: str(root / name) for scheme, name in names_.items()}, "data": str(root)}


def destination_in(
    root: Path, transaction: Transaction | None = None, **options: Any
) -> TransactionalDestination:
    return TransactionalDestination(
        options.pop("folders", folders_in(root)),
        options.pop("interpreter", "/usr/bin/python3"),
        options.pop("script_kind", "posix"),
        transaction or Transaction(),
        **options,
    )


def write(
    destination: TransactionalDestination,
    path: str,
    content: bytes = b"new",
    scheme: Scheme = PURELIB,
    *,
    is_executable: bool = False,
) -> RecordEntry:
    return destination.write_file(scheme, path, BytesIO(content), is_executable)


# a transaction


def test_what_was_written_stays_after_the_block(tmp_path: Path) -> None:
    with Transaction() as transaction:
        write(destination_in(tmp_path, transaction), "pkg/a.py")
    assert names(tree(tmp_path)) == {"lib/pkg/a.py"}


@pytest.mark.parametrize("kind", [StopError, KeyboardInterrupt, SystemExit])
def test_an_exception_takes_everything_back(tmp_path: Path, kind: type[BaseException]) -> None:
    (tmp_path / "lib" / "pkg" / "empty").mkdir(parents=True)
    (tmp_path / "lib" / "pkg" / "old.py").write_text("old")
    (tmp_path / "lib" / "pkg" / "old.py").chmod(0o640)
    (tmp_path / "lib" / "pkg" / "link.py").symlink_to("nowhere")
    before = tree(tmp_path)

    def act() -> None:
        with Transaction() as transaction:
            destination = destination_in(tmp_path, transaction, overwrite_existing=True)
            for path in ("pkg/old.py", "pkg/link.py", "pkg/new.py", "pkg/deep/er/new.py", "top.py"):
                write(destination, path)
            write(destination, "share/doc/x", scheme=DATA)
            raise kind

    with pytest.raises(kind):
        act()
    assert tree(tmp_path) == before


@pytest.mark.parametrize("exists", [True, False])
@pytest.mark.parametrize("fails", [True, False])
def test_two_wheels_that_write_one_file(tmp_path: Path, *, exists: bool, fails: bool) -> None:
    file = tmp_path / "lib" / "a.py"
    if exists:
        file.parent.mkdir()
        file.write_text("old")
    before = tree(tmp_path)

    def act() -> None:
        with Transaction() as transaction:
            for content in (b"first", b"second"):
                destination = destination_in(tmp_path, transaction, overwrite_existing=True)
                write(destination, "a.py", content)
            if fails:
                raise StopError

    if fails:
        with pytest.raises(StopError):
            act()
        assert tree(tmp_path) == before
    else:
        act()
        assert names(tree(tmp_path)) == {"lib/a.py"}
        assert file.read_text() == "second"


def test_what_others_put_into_a_new_folder_stays(tmp_path: Path) -> None:
    with taken_back() as transaction:
        write(destination_in(tmp_path, transaction), "pkg/a.py")
        (tmp_path / "lib" / "pkg" / "theirs").write_text("theirs")
    assert names(tree(tmp_path)) == {"lib/pkg/theirs"}


def test_a_new_bytecode_folder_goes_with_all_that_is_in_it(tmp_path: Path) -> None:
    with taken_back() as transaction:
        transaction.make_folder(tmp_path / "pkg" / "__pycache__")
        # as an interrupted compiler leaves it
        (tmp_path / "pkg" / "__pycache__" / "a.cpython-39.pyc.140").write_text("half")
    assert tree(tmp_path) == {}


def test_an_old_bytecode_folder_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "__pycache__").mkdir()
    (tmp_path / "__pycache__" / "theirs.pyc").write_text("theirs")
    before = tree(tmp_path)
    with taken_back() as transaction:
        transaction.make_folder(tmp_path / "__pycache__")
        transaction.will_make(tmp_path / "__pycache__" / "theirs.pyc")
        transaction.will_make(tmp_path / "__pycache__" / "ours.pyc")
        assert not (tmp_path / "__pycache__" / "theirs.pyc").exists()
        (tmp_path / "__pycache__" / "theirs.pyc").write_text("ours")
    assert tree(tmp_path) == before


def test_what_cannot_be_put_back_is_told_and_the_rest_is_put_back(tmp_path: Path) -> None:
    def act() -> None:
        with Transaction() as transaction:
            destination = destination_in(tmp_path, transaction)
            for path in ("a.py", "b.py", "c.py"):
                write(destination, path)
            # somebody makes a folder of it meanwhile
            (tmp_path / "lib" / "b.py").unlink()
            (tmp_path / "lib" / "b.py" / "theirs").mkdir(parents=True)
            raise StopError

    with pytest.raises(EnvironmentRefusedError) as caught:
        act()
    assert isinstance(caught.value.__context__, StopError)
    (finding,) = caught.value.findings
    assert finding.code.id == "WF506"
    assert finding.subject == str(tmp_path / "lib" / "b.py")
    assert "can't be put back" in finding.sentence
    assert set(tree(tmp_path)) == {"lib", "lib/b.py", "lib/b.py/theirs"}


def test_why_all_is_taken_back_is_told_before_what_cannot_be(tmp_path: Path) -> None:
    def act() -> None:
        with Transaction() as transaction:
            destination = destination_in(tmp_path, transaction)
            write(destination, "a.py")
            (tmp_path / "lib" / "a.py").unlink()
            (tmp_path / "lib" / "a.py").mkdir()
            write(destination, "a.py")

    with pytest.raises(EnvironmentRefusedError) as caught:
        act()
    assert ["can't be put back" in each.sentence for each in caught.value.findings] == [False, True]


def test_an_impatient_second_interrupt_does_not_stop_the_way_back(tmp_path: Path) -> None:
    interrupts = [KeyboardInterrupt(), KeyboardInterrupt()]

    def interrupted() -> None:
        if interrupts:
            raise interrupts.pop()

    with taken_back() as transaction:
        write(destination_in(tmp_path, transaction), "pkg/a.py")
        transaction._steps_back.append(interrupted)
    assert interrupts == []
    assert tree(tmp_path) == {}


def test_a_step_that_was_noted_but_not_taken(tmp_path: Path) -> None:
    """A step back is noted before its step, so an interrupt may come between them."""
    (tmp_path / "old").write_text("old")
    before = tree(tmp_path)
    transactions._put_back(tmp_path / ".never-made", tmp_path / "old")
    transactions._remove_file(tmp_path / "never-made")
    transactions._remove_folder(tmp_path / "never-made")
    assert tree(tmp_path) == before


def test_a_leftover_that_cannot_be_removed_fails_nothing(tmp_path: Path) -> None:
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib" / "a.py").write_text("old")
    with Transaction() as transaction:
        write(destination_in(tmp_path, transaction, overwrite_existing=True), "a.py")
        (aside,) = (tmp_path / "lib").glob(".wheelfix-*")
        aside.unlink()
    assert (tmp_path / "lib" / "a.py").read_text() == "new"


# never in place, never through a link


def test_a_hard_link_elsewhere_keeps_its_bytes(tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    cache.write_bytes(b"old")
    (tmp_path / "lib").mkdir()
    os.link(cache, tmp_path / "lib" / "a.py")
    with Transaction() as transaction:
        write(destination_in(tmp_path, transaction, overwrite_existing=True), "a.py")
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
    with Transaction() as transaction:
        write(destination_in(tmp_path, transaction, overwrite_existing=True), "a.py")
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
    destination = destination_in(tmp_path / "root")
    write(destination, "a.py")
    write(destination, "pkg/b.so", scheme=PLATLIB)
    assert names(tree(tmp_path / "real" / "lib")) == {"a.py", "pkg/b.so"}


def test_a_folder_that_one_scheme_may_pass_another_may_not(tmp_path: Path) -> None:
    """A virtual environment's lib64 is a link: as platlib it is the root, as data's folder it is not."""
    (tmp_path / "lib").mkdir()
    (tmp_path / "lib64").symlink_to("lib")
    destination = destination_in(tmp_path)
    write(destination, "a.so", scheme=PLATLIB)
    with pytest.raises(
        EnvironmentRefusedError, match="lib64: the wheel has a folder where this is a symbolic link"
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
        destination = destination_in(tmp_path, folders=folders_in(Path("/")), destdir=destdir)
        assert destination.obstacle("data", "share/x") is None
        write(destination, "share/x", scheme=DATA)
        assert Path(destdir, "share/x").read_bytes() == b"new"


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
        with Transaction() as transaction:
            destination = destination_in(tmp_path, transaction)
            write(destination, "pkg/a.py")
            write(destination, f"pkg/{'x' * 256}")

    with pytest.raises(EnvironmentRefusedError) as caught:
        act()
    (finding,) = caught.value.findings
    assert (finding.code.id, finding.subject) == ("WF506", str(tmp_path / "lib/pkg" / ("x" * 256)))
    assert finding.sentence == os.strerror(errno.ENAMETOOLONG)
    assert tree(tmp_path) == before


def test_a_folder_name_that_is_too_long(tmp_path: Path) -> None:
    folder = tmp_path / "lib" / ("x" * 256)
    with pytest.raises(EnvironmentRefusedError) as caught, Transaction() as transaction:
        write(destination_in(tmp_path, transaction), f"{folder.name}/a.py")
    assert str(caught.value) == f"WF506 {folder}: {os.strerror(errno.ENAMETOOLONG)}"
    assert tree(tmp_path) == {}


def test_a_name_as_long_as_the_file_system_allows(tmp_path: Path) -> None:
    name = "x" * os.pathconf(tmp_path, "PC_NAME_MAX")
    for content in (b"first", b"second"):
        with Transaction() as transaction:
            destination = destination_in(tmp_path, transaction, overwrite_existing=True)
            write(destination, name, content)
    assert names(tree(tmp_path)) == {f"lib/{name}"}
    assert (tmp_path / "lib" / name).read_bytes() == b"second"


def test_a_stream_that_fails_leaves_nothing(tmp_path: Path) -> None:
    class Damaged(BytesIO):
        def read(self, _size: int | None = -1, /) -> bytes:
            raise StopError

    with Transaction() as transaction:
        destination = destination_in(tmp_path, transaction)
        with pytest.raises(StopError):
            destination.write_file(PURELIB, "a.py", Damaged(b"x"), is_executable=False)
    assert names(tree(tmp_path)) == set()


# what is written


@pytest.mark.parametrize(
    ("umask", "is_executable", "mode"),
    [(0o022, False, 0o644), (0o022, True, 0o755), (0o077, False, 0o600), (0o077, True, 0o711)],
)
def test_modes_and_records(tmp_path: Path, umask: int, mode: int, *, is_executable: bool) -> None:
    old = os.umask(umask)
    try:
        entry = write(destination_in(tmp_path), "pkg/a", is_executable=is_executable)
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
    destination = destination_in(tmp_path, interpreter=interpreter, shebang=shebang)
    entry = write(destination, "run", SCRIPT, SCRIPTS)
    content = (tmp_path / "bin" / "run").read_bytes()
    assert content == first_line + b"\nprint('hello')\n"
    assert entry.to_row() == ("run", record_hash(content), str(len(content)))
    write(destination, "shell", b"#!/bin/sh\n", SCRIPTS)
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
    destination = destination_in(tmp_path, interpreter=interpreter, shebang=shebang)
    entry = destination.write_script("hello", "pkg.mod", "main.run", "console")
    content = (tmp_path / "bin" / "hello").read_bytes()
    assert content.startswith(first_lines)
    assert b"\nfrom pkg.mod import main\n" in content
    assert b"\n    sys.exit(main.run())\n" in content
    assert entry.to_row() == ("hello", record_hash(content), str(len(content)))
    assert os.access(tmp_path / "bin" / "hello", os.X_OK)


@pytest.mark.parametrize("shebang", [None, "C:\\Python\\python.exe"])
def test_launchers_for_windows(tmp_path: Path, shebang: str | None) -> None:
    destination = destination_in(
        tmp_path, interpreter="C:\\Python\\python.exe", shebang=shebang, script_kind="win-amd64"
    )
    entry = destination.write_script("hello", "pkg.mod", "main", "console")
    content = (tmp_path / "bin" / "hello.exe").read_bytes()
    assert content.startswith(b"MZ")
    assert b"#!C:\\Python\\python.exe\nPK" in content
    assert entry.path == "hello.exe"


def test_python_files_are_those_that_imports_reach(tmp_path: Path) -> None:
    folders = folders_in(Path("/target"))
    destination = destination_in(tmp_path, folders=folders, destdir=str(tmp_path))
    write(destination, "pkg/a.py")
    write(destination, "pkg/b.so", scheme=PLATLIB)
    write(destination, "pkg/c.py", scheme=PLATLIB)
    write(destination, "share/d.py", scheme=DATA)
    assert destination.python_files == [
        (tmp_path / "target/lib/pkg/a.py", "/target/lib/pkg/a.py"),
        (tmp_path / "target/lib64/pkg/c.py", "/target/lib64/pkg/c.py"),
    ]


def test_record_is_sorted_and_relative(tmp_path: Path) -> None:
    destination = destination_in(tmp_path)
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
    destination = destination_in(tmp_path, same_content={("purelib", "pkg/b.so"): "pkg/a.so"})
    first = write(destination, "pkg/a.so", b"code", is_executable=True)
    stream = BytesIO(b"never read")
    second = destination.write_file(PURELIB, "pkg/b.so", stream, is_executable=True)
    assert stream.tell() == 0
    assert (tmp_path / "lib/pkg/a.so").samefile(tmp_path / "lib/pkg/b.so")
    assert (second.hash_, second.size) == (first.hash_, first.size)
    assert second.path == "pkg/b.so"
    assert names(tree(tmp_path)) == {"lib/pkg/a.so", "lib/pkg/b.so"}


def test_of_another_scheme_there_is_no_second_name(tmp_path: Path) -> None:
    destination = destination_in(tmp_path, same_content={("purelib", "b.so"): "a.so"})
    write(destination, "a.so", b"code", DATA)
    write(destination, "b.so", b"other", DATA)
    assert (tmp_path / "b.so").read_bytes() == b"other"


def test_a_second_name_is_a_copy_where_links_fail(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    destination = destination_in(tmp_path, same_content={("purelib", "b.so"): "a.so"})
    write(destination, "a.so", b"code")
    # no file system without hard links can be had in a test
    monkeypatch.setattr(os, "link", refuse)
    entry = write(destination, "b.so", b"code")
    assert entry.to_row() == ("b.so", record_hash(b"code"), "4")
    assert not (tmp_path / "lib/a.so").samefile(tmp_path / "lib/b.so")
    assert names(tree(tmp_path)) == {"lib/a.so", "lib/b.so"}


def test_a_second_name_that_is_too_long(tmp_path: Path) -> None:
    name = "x" * 256
    with Transaction() as transaction:
        destination = destination_in(
            tmp_path, transaction, same_content={("purelib", name): "a.so"}
        )
        write(destination, "a.so")
        with pytest.raises(EnvironmentRefusedError, match=f"WF506 .*/lib/{name}: "):
            write(destination, name)
    assert names(tree(tmp_path)) == {"lib/a.so"}


# under installer itself


def test_it_works_under_installer(tmp_path: Path) -> None:
    wheel = make_wheel(
        tmp_path,
        {"pkg/__init__.py": "", "example-1.0.data/scripts/run": SCRIPT},
        entry_points="[console_scripts]\nhello = pkg:main\n",
        executable=["example-1.0.data/scripts/run"],
    )
    root = tmp_path / "root"
    with WheelFile.open(wheel) as source, Transaction() as transaction:
        destination = destination_in(root, transaction)
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
    destination = destination_in(tmp_path, Transaction())
    finding = destination.obstacle("purelib", "pkg/\ud800.py")
    assert finding is not None
    assert finding.code.id == "WF506"
    assert finding.sentence == "the encoding of file names, utf-8, has no bytes for it"
