"""What a wheel brings to be run at the interpreter's start is not run by an install, nor by what follows it."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from support.installs import wheelfix
from support.wheel_maker import make_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import Interpreter, InterpreterFactory

pytestmark = pytest.mark.interpreters

#: what the site module runs or reads at its start, and modules that a compiler would import
TRAPS = (
    "evil.pth",
    "sitecustomize.py",
    "usercustomize.py",
    "compileall.py",
    "py_compile.py",
    "json.py",
)
DATA = "example-{version}.data"


def hostile(folder: Path, trace: Path, version: str = "1.0") -> Path:
    """Make a wheel each of whose files leaves a trace as soon as it is run, in the order of import by name."""
    leave_trace = f"import os; open({str(trace)!r}, 'w').close()\n"
    files = dict.fromkeys(TRAPS, leave_trace)
    files["example/__init__.py"] = "VALUE = 1\n"
    files[f"{DATA.format(version=version)}/platlib/other.pth"] = leave_trace
    return make_wheel(folder, files, version=version)


@pytest.fixture(params=["3.9", "3.13", "cp311-musl"])
def environment(
    request: pytest.FixtureRequest, any_python: InterpreterFactory, tmp_path: Path
) -> Interpreter:
    base = any_python(request.param)
    folder = tmp_path / "environment"
    made = base.process("-m", "venv", "--without-pip", folder)
    assert made.returncode == 0, made.stderr
    return replace(base, executable=folder / "bin" / "python")


def test_what_would_run_at_the_start_is_never_run(environment: Interpreter, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    place = ("--python", str(environment.executable))
    calls = [
        ("install", *place, hostile(tmp_path, trace)),
        # now it lies in the environment, where every start of the interpreter would find it
        ("install", *place, "--upgrade", hostile(tmp_path, trace, "2.0")),
        ("install", *place, make_wheel(tmp_path, {"second.py": ""}, name="second")),
        ("target", *place),
        ("uninstall", *place, "second"),
    ]
    for call in calls:
        done = wheelfix(*call)
        assert done.returncode == 0, done.stderr
        assert not trace.exists(), call
    packages = next((tmp_path / "environment/lib").glob("python3.*/site-packages"))
    compiled = {path.name.partition(".")[0] for path in (packages / "__pycache__").iterdir()}
    assert compiled == {trap[:-3] for trap in TRAPS if trap.endswith(".py")}

    # the trap does work
    assert environment.process("-s", "-c", "").returncode == 0
    assert trace.exists()
    trace.unlink()

    done = wheelfix("uninstall", *place, "example")
    assert done.returncode == 0, done.stderr
    assert not trace.exists()
    assert environment.process("-s", "-c", "import json").returncode == 0
    assert not trace.exists()
    assert not [path.name for path in packages.iterdir() if path.name != "__pycache__"]


def test_variables_of_the_environment_lead_no_interpreter_astray(
    environment: Interpreter, tmp_path: Path
) -> None:
    """The asked interpreter gets none of them; that which runs wheelfix must not get them here."""
    trace, evil = tmp_path / "trace", tmp_path / "evil"
    evil.mkdir()
    for trap in (*TRAPS, "sysconfigdata.py"):
        (evil / trap).write_text(f"import os; open({str(trace)!r}, 'w').close()\n", "utf-8")
    # a program that sets them for its children and then runs wheelfix in itself
    program = (
        f"import os, sys; os.environ.update(PYTHONPATH={str(evil)!r}, PYTHONSTARTUP={str(evil / 'json.py')!r}, "
        "PYTHONINSPECT='1', PYTHONHOME='/nowhere', PYTHONOPTIMIZE='2', PYTHONPYCACHEPREFIX='/nowhere'); "
        "from wheelfix.cli import main; sys.exit(main(sys.argv[1:]))"
    )
    made = make_wheel(tmp_path, {"example.py": "VALUE = 1\n"})
    command = [
        sys.executable,
        "-c",
        program,
        "install",
        "--python",
        str(environment.executable),
        str(made),
    ]
    done = subprocess.run(
        command, check=False, capture_output=True, text=True, timeout=300, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done.stderr
    assert not trace.exists()
    packages = next((tmp_path / "environment/lib").glob("python3.*/site-packages"))
    assert len(list((packages / "__pycache__").glob("example.*.pyc"))) == 2
