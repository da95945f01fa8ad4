"""``--verify import`` on real interpreters and real wheels, beside what was foretold."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from support.installs import wheelfix
from support.interpreters import MUSL_INTERPRETERS
from support.wheels import wheels_for

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import Interpreter, InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

PSYCOPG = "psycopg_binary-3.0.4-cp39-cp39-musllinux_1_1_x86_64.whl"
PSUTIL = {
    "glibc": "psutil-7.2.2-cp36-abi3-manylinux2010_x86_64.manylinux_2_12_x86_64.manylinux_2_28_x86_64.whl",
    "musl": "psutil-7.2.2-cp36-abi3-musllinux_1_2_x86_64.whl",
}
#: psutil's abi3 module isn't for free-threaded builds
FREE_THREADED = "multidict-6.6.3-cp313-cp313t-musllinux_1_2_x86_64.whl"
GLIBC = [f"3.{minor}" for minor in range(6, 14)]


def verify(
    wheel: Path, python: Interpreter, folder: Path, *options: str
) -> tuple[int, list[dict[str, Any]], str]:
    """Install and verify; give exit status, what each module came to, and stderr."""
    arguments = ["--verify", "import", "--no-compile-bytecode", "--report", "-", *options]
    place: list[str | Path] = ["--python", python.executable, "--target", folder]
    done = wheelfix("install", *arguments, *place, wheel)
    report = json.loads(done.stdout)
    assert report["outcome"] == "installed", done.stderr
    return done.returncode, report["wheels"][0]["verified"], done.stderr


@pytest.mark.parametrize("name", [*MUSL_INTERPRETERS, *GLIBC])
def test_a_wheel_that_imports(
    name: str, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    python = any_python(name)
    file = FREE_THREADED if name.startswith("cp313t") else PSUTIL[python.libc]
    status, modules, errors = verify(wheel(file), python, tmp_path / "t")
    assert [each["outcome"] for each in modules] == ["imported"]
    assert [each["agrees"] for each in modules] == [True]
    assert (status, errors) == (0, "")


class TestPsycopg:
    """The wheel of pip issue 10678, whose package wants psycopg to be imported before it."""

    WANTS_PSYCOPG = (
        "its package ends the import before it: ImportError: "
        "the psycopg package should be imported before psycopg_binary"
    )

    def test_repaired(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        status, modules, errors = verify(wheel(PSYCOPG), any_python("cp39-musl"), tmp_path / "t")
        assert [each["name"] for each in modules] == [
            "psycopg_binary._psycopg",
            "psycopg_binary.pq",
        ]
        told = {(each["outcome"], each["sentence"], each["agrees"]) for each in modules}
        assert told == {("loads", self.WANTS_PSYCOPG, True)}
        assert (status, errors) == (0, "")

    def test_not_repaired(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        python = any_python("cp39-musl")
        status, modules, errors = verify(wheel(PSYCOPG), python, tmp_path / "t", "--repair", "off")
        assert [(each["outcome"], each["agrees"]) for each in modules] == [("not found", True)] * 2
        assert status == 1
        assert errors.count("WF525 psycopg_binary/") == 2
        assert "no finder sees pq.cpython-39-x86_64-linux-gnu.so" in errors
        # all the same it stays
        assert (tmp_path / "t" / "psycopg_binary" / "__init__.py").exists()


def test_a_missing_distribution_is_told_apart(
    any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    file = "pydantic-1.10.27-cp39-cp39-musllinux_1_2_x86_64.whl"
    status, modules, _ = verify(wheel(file), any_python("cp39-musl"), tmp_path / "t")
    assert len(modules) == 25
    assert {each["outcome"] for each in modules} == {"loads"}
    sentence = "its import needs 'typing_extensions', which is not installed"
    assert {each["sentence"] for each in modules} == {sentence}
    # `pydantic/__init__.cpython-39-….so`
    assert "pydantic" in {each["name"] for each in modules}
    assert {each["agrees"] for each in modules} == {True}
    assert status == 0


def test_what_the_loader_refuses(
    any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
) -> None:
    (file,) = (each.file for each in wheels_for("initial-exec TLS") if "0.7.0-cp311" in each.file)
    status, (module,), errors = verify(
        wheel(file), any_python("cp311-musl"), tmp_path / "t", "--allow", "WF305"
    )
    assert (module["outcome"], module["agrees"]) == ("refused", True)
    assert "initial-exec TLS resolves to dynamic definition" in module["sentence"]
    assert module["foretold"]["load"] == "tls"
    assert status == 1
    assert "WF525" in errors
