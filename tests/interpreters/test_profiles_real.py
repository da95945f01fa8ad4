"""What a profile says of an interpreter is what that interpreter says of itself."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.installs import install
from support.interpreters import glibc_interpreters
from wheelfix.targets.asking import asked_target
from wheelfix.targets.profiles import profile_target

if TYPE_CHECKING:
    from support.interpreters import InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = pytest.mark.interpreters

PSYCOPG_BINARY = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
PSYCOPG = "psycopg-3.0.4-py3-none-any.whl"

#: by what is asked the profiles that describe it: the builds of tests/musl_interpreters.sh stand for them
DESCRIBED = {
    "cp39-gnu": ["docker-python-3.9-alpine3.22", "cpython-3.9-musl", "docker-python-3.9-alpine"],
    "cp39-musl": [
        "alpine-3.14-python3-before-fallback",
        "pbs-3.9-musl-since-20251028",
        "alpine-3.14",
    ],
    "cp39-musl-fallback": ["alpine-3.14-python3", "alpine-3.15-python3"],
    "cp311-musl": ["alpine-3.18-python3", "docker-python-3.11-alpine3.24", "uv-musl-3.11-2026-01"],
    "cp311-gnu": ["pbs-3.11-musl-20250311..20251014", "cpython-3.11-3.12-cross-glibc-to-musl"],
    "cp313t-musl": ["cpython-3.13t-musl"],
    **{f"3.{minor}": [f"cpython-3.{minor}-glibc"] for minor in range(7, 14)},
    # those are too new to be on every machine
    **{
        version: [f"cpython-{version}-glibc"]
        for version in ("3.14", "3.15")
        if version in glibc_interpreters()
    },
}
PAIRS = [(name, profile) for name, found in DESCRIBED.items() for profile in found]

#: what an interpreter's own build decides, not its kind
_OF_THIS_BUILD = ("executable", "prefix", "base_prefix", "libpython", "paths")


@pytest.mark.parametrize(("name", "profile"), PAIRS)
def test_a_profile_equals_what_asking_gives(
    name: str, profile: str, any_python: InterpreterFactory
) -> None:
    asked = asked_target(str(any_python(name).executable)).to_json()
    told = profile_target(profile).to_json()
    for fact in ("schema", "evidence", "version", "libc_version", "tags", *_OF_THIS_BUILD):
        del asked[fact], told[fact]
    # the kernel is this machine's
    assert told.pop("machine") == "x86_64"
    del asked["machine"]
    assert told == asked


@pytest.mark.parametrize(("name", "profile"), PAIRS)
def test_tags_are_those_that_it_accepts(
    name: str, profile: str, any_python: InterpreterFactory
) -> None:
    asked = asked_target(str(any_python(name).executable)).tags
    told = profile_target(profile).tags
    # a profile may be of another libc version than the machine that the tests run on: then it has more, or fewer
    shorter, longer = sorted((asked, told), key=len)
    assert [tag for tag in longer if tag in set(shorter)] == list(shorter)
    missing = [tag for tag in longer if tag not in set(shorter)]
    assert all("linux_" in tag and "-linux_" not in tag for tag in missing)


@pytest.mark.parametrize(("name", "profile"), PAIRS)
def test_paths_below_a_prefix_are_those_that_it_computes(
    name: str, profile: str, any_python: InterpreterFactory
) -> None:
    python = str(any_python(name).executable)
    asked = asked_target(python, "posix_prefix", "/app").paths
    told = profile_target(profile, scheme="posix_prefix", prefix="/app").paths
    below = ("purelib", "platlib", "scripts", "data", "headers")
    assert {each: told[each] for each in below} == {each: asked[each] for each in below}


def test_debians_own_interpreter_has_debians_paths() -> None:
    python = Path("/usr/bin/python3.11")
    if not python.exists() or not Path("/etc/debian_version").exists():
        pytest.skip("this machine is no Debian 12")
    told, asked = profile_target("debian-12"), asked_target(str(python))
    assert told.paths == asked.paths
    assert told.libpython == asked.libpython
    assert told.extension_suffixes == asked.extension_suffixes
    assert told.tags == asked.tags
    for scheme in ("posix_prefix", "deb_system"):
        told_paths = profile_target("debian-12", scheme=scheme).paths
        assert told_paths == asked_target(str(python), scheme).paths


@pytest.mark.wheels
@pytest.mark.parametrize(
    ("profile", "python", "suffix"),
    [
        ("alpine-3.14", "cp39-musl", ".cpython-39-x86_64-linux-musl.so"),
        ("alpine-3.14", "cp39-musl-fallback", ".cpython-39-x86_64-linux-musl.so"),
        ("alpine-3.14-python3", "cp39-musl-fallback", ".cpython-39-x86_64-linux-gnu.so"),
        ("docker-python-3.9-alpine", "cp39-gnu", ".cpython-39-x86_64-linux-gnu.so"),
        ("uv-musl-3.9", "cp39-musl", ".so"),
        ("uv-musl-3.9", "cp39-gnu", ".so"),
    ],
)
def test_psycopg_installed_for_an_alpine_imports_there(
    profile: str, python: str, suffix: str, any_python: InterpreterFactory, psycopg: list[Path]
) -> None:
    folder = psycopg[0].parent / "app"
    install(psycopg, folder, options=("--profile", profile, "--no-compile-bytecode"))
    origin = any_python(python).origin("psycopg_binary.pq", path=[folder], after="psycopg")
    assert origin == str(folder / "psycopg_binary" / f"pq{suffix}")


@pytest.fixture
def psycopg(wheel: WheelFactory, tmp_path: Path) -> list[Path]:
    """Give the wheels of pip issue 10678, copied to a folder of their own."""
    return [Path(shutil.copy(wheel(file), tmp_path)) for file in (PSYCOPG_BINARY, PSYCOPG)]
