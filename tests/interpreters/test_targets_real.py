from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import packaging
import pytest

from support.interpreters import MUSL_INTERPRETERS
from wheelfix.errors import EnvironmentRefusedError
from wheelfix.targets import _facts
from wheelfix.targets._building import build_target
from wheelfix.targets.asking import asked_target
from wheelfix.targets.pep668 import externally_managed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from support.interpreters import InterpreterFactory
    from wheelfix.targets import Target

pytestmark = pytest.mark.interpreters


def candidates() -> Iterator[Path]:
    """Find CPythons: pyenv's and those on PATH, the shim of pyenv's python3 among them.

    Its other shims run whatever comes first on PATH, when their version isn't switched on.
    """
    root = os.environ.get("PYENV_ROOT")
    pyenv = shutil.which("pyenv")
    if root is None and pyenv is not None:
        root = subprocess.run(
            [pyenv, "root"], stdout=subprocess.PIPE, text=True, check=True
        ).stdout.strip()
    if root is not None:
        yield from sorted(Path(root).glob("versions/3.*/bin/python3"))
    for folder in os.get_exec_path():
        yield from sorted(
            path
            for path in Path(folder).glob("python3*")
            if re.fullmatch(r"python3" if "shims" in path.parts else r"python3(\.\d+)?", path.name)
        )


def is_one(path: Path) -> bool:
    """Leave out what doesn't run: the shim of a version that isn't switched on."""
    process = subprocess.run([path, "-c", ""], capture_output=True, check=False)
    return process.returncode == 0


def interpreters() -> list[str]:
    by_file = {path.resolve(): path for path in candidates()}
    by_file.setdefault(Path(sys.executable).resolve(), Path(sys.executable))
    return [str(path) for path in by_file.values() if is_one(path)]


@pytest.fixture(scope="module", params=[*interpreters(), *MUSL_INTERPRETERS])
def python(request: pytest.FixtureRequest, interpreter: InterpreterFactory) -> str:
    if request.param in MUSL_INTERPRETERS:
        return str(interpreter(request.param).executable)
    return str(request.param)


@pytest.fixture(scope="module")
def virtual_environment(python: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("venv") / "environment"
    run_in(python, "-m", "venv", "--without-pip", str(folder))
    return folder


def run_in(python: str | Path, *arguments: str, **environment: str) -> str:
    process = subprocess.run(
        [python, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        check=True,
        env={**os.environ, **environment},
    )
    return process.stdout


def seen_from_inside(python: str | Path, **environment: str) -> Target:
    """Describe an interpreter by the running door, without what wheelfix needs around it."""
    program = "import json, runpy, sys; print(json.dumps(runpy.run_path(sys.argv[1])['collect'](None, None)))"
    assert _facts.__file__ is not None
    return build_target(
        json.loads(run_in(python, "-c", program, _facts.__file__, **environment)), None
    )


#: installer 1.1.0, installer/__main__.py (_get_scheme_dict), which itself needs Python 3.10
SCHEME_OF_INSTALLER = """
import json, os, sys, sysconfig
prefix = sys.argv[1] if len(sys.argv) > 1 else None
vars = {}
if prefix is None:
    installed_base = sysconfig.get_config_var("base")
else:
    vars["base"] = vars["platbase"] = installed_base = prefix
scheme_dict = sysconfig.get_paths(vars=dict(vars))
scheme_dict["headers"] = sysconfig.get_path("include", vars={"installed_base": installed_base})
print(json.dumps(scheme_dict))
"""


def test_asking_agrees_with_what_runs_inside(python: str) -> None:
    asked = asked_target(python)
    assert asked.to_json() == seen_from_inside(python).to_json()
    assert asked.prefix == asked.base_prefix


def test_asking_a_virtual_environment(virtual_environment: Path) -> None:
    executable = virtual_environment / "bin" / "python"
    asked = asked_target(str(virtual_environment))
    inside = seen_from_inside(executable)
    assert asked == inside
    assert asked.executable == str(executable)
    assert asked.prefix == str(virtual_environment)
    assert asked.prefix != asked.base_prefix
    assert asked.paths["purelib"].startswith(f"{virtual_environment}/")
    if asked.version_info >= (3, 11):
        assert asked.evidence["paths"] == "sysconfig scheme venv"


def test_paths_are_those_of_installer(python: str, virtual_environment: Path) -> None:
    for each in (python, str(virtual_environment / "bin" / "python")):
        assert dict(asked_target(each).paths) == json.loads(run_in(each, "-c", SCHEME_OF_INSTALLER))


def test_a_prefix_is_not_doubled(python: str, virtual_environment: Path) -> None:
    for each in (python, str(virtual_environment / "bin" / "python")):
        paths = asked_target(each, prefix="/opt/x").paths
        version = "python{}.{}".format(*asked_target(each).version_info)
        assert re.fullmatch(f"/opt/x/lib(64)?/{version}t?/site-packages", paths["purelib"])
        assert (paths["scripts"], paths["data"]) == ("/opt/x/bin", "/opt/x")
        assert paths["headers"].startswith("/opt/x/include/python")
        assert not paths["stdlib"].startswith("/opt/x")


def test_tags_are_those_of_packaging_inside(python: str, tmp_path: Path) -> None:
    target = asked_target(python)
    if target.version_info < (3, 9):
        # packaging itself needs 3.9
        nodot = "".join(map(str, target.version_info))
        assert target.tags[0].startswith(f"cp{nodot}-cp{nodot}{target.abi_flags}-linux_")
        return
    (tmp_path / "packaging").symlink_to(Path(packaging.__file__).parent)
    program = "from packaging.tags import sys_tags\nprint(*sys_tags(), sep='\\n')"
    inside = run_in(
        python, "-B", "-c", program, PYTHONPATH=str(tmp_path), PYTHONDONTWRITEBYTECODE="1"
    )
    assert list(target.tags) == inside.split()
    for_any = [tag for tag in target.tags if tag.endswith("-none-any")]
    assert list(target.tags_for_any_platform) == for_any


def test_nothing_of_the_environment_runs(
    python: str, virtual_environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A .pth file, sitecustomize, usercustomize, PYTHONSTARTUP, PYTHONPATH, and the current folder."""
    traces = tmp_path / "traces"
    traces.mkdir()
    evil = f"open({str(traces)!r} + '/' + {{name!r}}, 'w')\n"
    packages = Path(asked_target(str(virtual_environment)).paths["purelib"])
    (packages / "evil.pth").write_text("import os; " + evil.format(name="pth"))
    for module in ("sitecustomize", "usercustomize"):
        (packages / f"{module}.py").write_text(evil.format(name=module))
    for module in ("json", "sysconfig", "startup"):
        (tmp_path / f"{module}.py").write_text(evil.format(name=module))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "startup.py"))
    monkeypatch.chdir(tmp_path)
    before = sorted(packages.rglob("*"))
    asked = asked_target(str(virtual_environment))
    assert asked.soabi == asked_target(python).soabi
    assert list(traces.iterdir()) == []
    assert sorted(packages.rglob("*")) == before
    # the traps do work
    run_in(virtual_environment / "bin" / "python", "-c", "pass", PYTHONPATH="")
    assert (traces / "pth").exists()


def foreign_sysconfigdata(folder: Path, python: str) -> None:
    """Make what a cross build has: the build_time_vars of another machine's interpreter."""
    version = "".join(map(str, asked_target(python).version_info))
    values = {
        "SOABI": f"cpython-{version}-aarch64-linux-musl",
        "EXT_SUFFIX": f".cpython-{version}-aarch64-linux-musl.so",
        # what sysconfig itself reads from it
        "srcdir": ".",
        "LIBDIR": "/usr/lib",
        "VERSION": "3",
        "CC": "cc",
    }
    (folder / "_sysconfigdata_made_up.py").write_text(f"build_time_vars = {values!r}\n")


def test_cross_build_variables_in_the_running_interpreter(python: str, tmp_path: Path) -> None:
    foreign_sysconfigdata(tmp_path, python)
    with pytest.raises(EnvironmentRefusedError, match="_PYTHON_SYSCONFIGDATA_NAME") as caught:
        seen_from_inside(
            python,
            PYTHONPATH=str(tmp_path),
            _PYTHON_SYSCONFIGDATA_NAME="_sysconfigdata_made_up",
        )
    assert caught.value.code.id == "WF502"
    assert "aarch64-linux-musl" in str(caught.value)


def test_cross_build_variables_of_ours_do_not_reach_another_interpreter(
    python: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = asked_target(python)
    foreign_sysconfigdata(tmp_path, python)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("_PYTHON_SYSCONFIGDATA_NAME", "_sysconfigdata_made_up")
    monkeypatch.setenv("_PYTHON_HOST_PLATFORM", "linux-aarch64")
    assert asked_target(python) == plain


def test_cross_build_variables_in_a_wrapper(python: str, tmp_path: Path) -> None:
    foreign_sysconfigdata(tmp_path, python)
    wrapper = write_wrapper(
        tmp_path / "wrapper",
        f"shift\nexport PYTHONPATH='{tmp_path}' _PYTHON_SYSCONFIGDATA_NAME=_sysconfigdata_made_up\n"
        f'exec "{python}" "$@"',
    )
    with pytest.raises(EnvironmentRefusedError, match="_PYTHON_SYSCONFIGDATA_NAME") as caught:
        asked_target(wrapper)
    assert caught.value.code.id == "WF502"


def test_a_wrapper_leads_to_the_executable(python: str, tmp_path: Path) -> None:
    plain = asked_target(python)
    wrapper = write_wrapper(tmp_path / "wrapper", f'echo hello\nexec "{python}" "$@"')
    assert asked_target(wrapper) == plain


@pytest.mark.skipif(shutil.which("bash") is None, reason="exec -a is a command of bash")
def test_a_wrapper_that_hides_the_executable(python: str, tmp_path: Path) -> None:
    plain = asked_target(python)
    wrapper = tmp_path / "wrapper"
    wrapper.write_text(f'#!{shutil.which("bash")}\nexec -a "$0" "{plain.executable}" "$@"\n')
    wrapper.chmod(0o755)
    home = plain.base_prefix
    assert home is not None
    target = seen_from_inside(wrapper, PYTHONHOME=home)
    assert target.executable == str(wrapper)
    same = ("libc", "libc_version", "libpython", "architecture", "extension_suffixes")
    assert [getattr(target, name) for name in same] == [getattr(plain, name) for name in same]


def write_wrapper(path: Path, body: str) -> str:
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return str(path)


def test_the_executable_tells_libc_and_libpython(python: str) -> None:
    target = asked_target(python)
    # what the dynamic loader has mapped is the truth
    maps = run_in(python, "-c", "print(open('/proc/self/maps').read())")
    assert target.libc == (
        "musl" if re.search(r"/ld-musl-|/libc\.so$", maps, re.MULTILINE) else "glibc"
    )
    assert target.libpython == ("shared" if "/libpython" in maps else "static")
    assert target.libc_version is not None
    assert target.architecture is not None
    assert target.architecture.bits == 64
    assert target.loads_extension_modules


def test_pep_668_as_pip_sees_it(python: str, virtual_environment: Path) -> None:
    target = asked_target(python)
    marked = Path(target.paths["stdlib"], "EXTERNALLY-MANAGED").is_file()
    assert (externally_managed(target) is not None) is marked
    assert externally_managed(asked_target(str(virtual_environment))) is None


def old_pythons() -> list[str]:
    root = os.environ.get("PYENV_ROOT")
    found = sorted(Path(root).glob("versions/2.*/bin/python")) if root else []
    found += [Path(path) for path in [shutil.which("python2")] if path]
    return [str(path) for path in found if is_one(path)]


def test_python_2_is_refused() -> None:
    """Those that the machine has; test_targets_asking plays one that it hasn't."""
    sentences = []
    for python2 in old_pythons():
        with pytest.raises(EnvironmentRefusedError) as caught:
            asked_target(python2)
        sentences.append(caught.value.findings[0].sentence)
    expected = "it doesn't know the option -I, so it is Python 2; 3.6 is needed"
    assert set(sentences) <= {expected}
