"""What a root tells without running anything is what the interpreter in it says of itself."""

from __future__ import annotations

import subprocess
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.interpreters import MUSL_INTERPRETERS, glibc_interpreters
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.targets.asking import asked_target
from wheelfix.targets.roots import examine_root, read_root
from wheelfix.targets.target_info import read_target_info

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from support.interpreters import InterpreterFactory
    from wheelfix.codes import Code
    from wheelfix.targets import Target

pytestmark = pytest.mark.interpreters

SCHEMES = ("posix_prefix", "posix_local", "deb_system", "venv", "posix_home")
DEBIAN = Path("/usr/bin/python3")
BUILT = (*MUSL_INTERPRETERS, "cp313-musl")


def glibc_executables() -> Iterator[str]:
    yield from (str(each.executable) for each in glibc_interpreters().values())
    # by two names, one of them through the link of a merged /usr
    yield from (str(path) for path in (DEBIAN, Path("/bin/python3")) if path.exists())


def outcome(describe: Callable[[], Target]) -> Target | Code:
    """Give the target but for its executable, or the code of the refusal."""
    try:
        return replace(describe(), executable=None)
    except EnvironmentRefusedError as error:
        return error.code


def assert_reads_as_it_answers(executable: str) -> None:
    """Compare every field but executable and evidence, for each scheme and with a prefix of its own."""
    read = examine_root("/", executable)
    assert read.target == replace(asked_target(executable), executable=None)
    assert read.executable == executable
    assert read.findings == ()
    for scheme in SCHEMES:
        for prefix in (None, "/opt/own"):
            asked = outcome(lambda: asked_target(executable, scheme, prefix))  # noqa: B023 - called at once
            told = outcome(lambda: read_root("/", executable, scheme=scheme, prefix=prefix))  # noqa: B023 - so is this
            assert told == asked


@pytest.mark.parametrize("executable", list(glibc_executables()))
def test_interpreters_of_this_machine(executable: str) -> None:
    assert_reads_as_it_answers(executable)


@pytest.mark.parametrize("name", BUILT)
def test_musl_interpreters(interpreter: InterpreterFactory, name: str) -> None:
    assert_reads_as_it_answers(str(interpreter(name).executable))


@pytest.mark.parametrize("version", ["3.9", "3.11", "3.13"])
def test_virtual_environments(
    glibc_interpreter: InterpreterFactory, tmp_path: Path, version: str
) -> None:
    folder = tmp_path / "venv"
    command = [
        str(glibc_interpreter(version).executable),
        "-m",
        "venv",
        "--without-pip",
        str(folder),
    ]
    subprocess.run(command, check=True)
    assert_reads_as_it_answers(str(folder / "bin/python"))


@pytest.mark.parametrize("name", BUILT)
def test_a_root_of_its_own(interpreter: InterpreterFactory, tmp_path: Path, name: str) -> None:
    """Put the prefix into a root, under a link that is right only inside."""
    prefix = interpreter(name).executable.parent.parent
    (tmp_path / "opt").mkdir()
    (tmp_path / "opt" / "python").symlink_to("/real")
    subprocess.run(["cp", "-a", prefix, tmp_path / "real"], check=True)
    asked = asked_target(str(interpreter(name).executable))
    read = examine_root(str(tmp_path))
    assert read.executable == "/opt/python/bin/python3"
    assert read.target.extension_suffixes == asked.extension_suffixes
    assert read.target.prefix == "/opt/python"
    # the loader lies outside, and what lies outside isn't read
    assert [finding.code.id for finding in read.findings] == ["WF523"]
    assert (read.target.libc, read.target.libc_version) == ("musl", None)


@pytest.mark.parametrize("name", BUILT)
def test_sysconfigdata_alone(interpreter: InterpreterFactory, name: str) -> None:
    executable = interpreter(name).executable
    asked = asked_target(str(executable))
    (path,) = Path(asked.paths["stdlib"]).glob("_sysconfigdata_*.py")
    told = read_target_info(str(path))
    for fact in (
        "soabi",
        "abi_flags",
        "free_threaded",
        "debug",
        "libpython",
        "architecture",
        "paths",
    ):
        assert getattr(told, fact) == getattr(asked, fact), fact
    assert set(asked.tags) <= set(told.tags) or name == "cp311-gnu"
