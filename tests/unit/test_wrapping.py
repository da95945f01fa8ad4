"""Which installer a command is, and where it installs: from argument lists, variables and files."""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

import pytest

from support.environment_maker import make_virtual_environment
from wheelfix.wrapping import Located, Situation, WatchedPlace, locate
from wheelfix.wrapping._options import is_true, scan
from wheelfix.wrapping._recognising import environment_of, recognise
from wheelfix.wrapping._watching import Watch

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    """Make an executable file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, "utf-8")
    path.chmod(0o755)
    return path


class Machine:
    """A folder with a virtual environment in ``v``, an interpreter in ``usr``, and a current folder ``here``."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.here = root / "here"
        self.here.mkdir()
        make_virtual_environment(root / "v")
        self.python = program(root / "usr/bin/python3")
        self.tools = root / "tools"

    def path(self, text: str) -> str:
        return os.path.normpath(self.root / text)

    def locate(
        self,
        line: str,
        variables: Mapping[str, str] | None = None,
        *,
        python: str | None = None,
        folder: str = "here",
    ) -> Located:
        command = line.split()
        given = {"PATH": f"{self.root}/v/bin:{self.tools}", **(variables or {})}
        here = self.root / folder
        here.mkdir(parents=True, exist_ok=True)
        situation = Situation(given, str(here), python and self.path(python))
        if "/" in command[0]:
            executable = self.root / command[0]
        else:
            executable = self.tools / command[0]
            if not executable.exists():
                program(executable)
        return locate(command, str(executable), situation)

    def places(self, line: str, **options: object) -> list[tuple[str, ...]]:
        """Give each place as its interpreter and what else it says, with paths from the root."""
        located = self.locate(line, **options)  # type: ignore[arg-type] # handed on
        assert located.question is None
        return [self._shown(place) for place in located.places]

    def _shown(self, place: WatchedPlace) -> tuple[str, ...]:
        texts = [place.python]
        texts += [f"{name} {value}" for name, value in place._asdict().items() if value is True]
        rows = place._asdict().items()
        named = [f"{key} {text}" for key, text in rows if key != "python" and isinstance(text, str)]
        return tuple(each.replace(f"{self.root}/", "") for each in (*texts, *named))


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


@pytest.mark.parametrize(
    ("arguments", "values", "words"),
    [
        ("install x", {}, ("install", "x")),
        ("--target d x", {"--target": "d"}, ("x",)),
        ("--target=d x", {"--target": "d"}, ("x",)),
        ("-t d -td2", {"--target": "d2"}, ()),
        ("-Ut d x", {"-U": "", "--target": "d"}, ("x",)),
        ("-t=d", {"--target": "d"}, ()),
        ("-t", {"--target": ""}, ()),
        ("--target", {"--target": ""}, ()),
        ("--user --no-deps x", {"--user": "", "--no-deps": ""}, ("x",)),
        ("-v -- --target d", {"-v": ""}, ("--target", "d")),
        ("-r - x", {"-r": ""}, ("-", "x")),
    ],
)
def test_scan(arguments: str, values: Mapping[str, str], words: tuple[str, ...]) -> None:
    valued = {"-t": "--target", "--target": "--target"}
    scanned = scan(arguments.split(), valued)
    assert (scanned.values, scanned.words) == (values, words)
    assert scanned.command == (words[0] if words else None)


@pytest.mark.parametrize(
    ("text", "is_on"), [("1", True), ("Yes", True), ("0", False), (None, False)]
)
def test_is_true(text: str | None, *, is_on: bool) -> None:
    assert is_true(text) is is_on


class TestRecognising:
    @pytest.mark.parametrize(
        ("arguments", "name", "rest"),
        [
            ("-m pip install x", "pip", "install x"),
            ("-mpip install x", "pip", "install x"),
            ("-I -m pip list", "pip", "list"),
            ("-Im pip list", "pip", "list"),
            ("-W error -Xdev -X utf8 -m pip list", "pip", "list"),
            ("-Werror -m pip list", "pip", "list"),
            ("--check-hash-based-pycs always -m pip list", "pip", "list"),
            ("--help-all -m pip list", "pip", "list"),
            ("-m uv sync", "uv", "sync"),
            ("-m poetry install", "poetry", "install"),
            ("-m pdm sync", "pdm", "sync"),
            ("/opt/bin/pip3.11 install x", "pip", "install x"),
            ("pip.pyz install x", "pip", "install x"),
        ],
    )
    def test_what_python_runs(self, arguments: str, name: str, rest: str) -> None:
        found = recognise(["python3.9", *arguments.split()], "/usr/bin/python3.9", {})
        assert found is not None
        assert (found.name, found.arguments) == (name, tuple(rest.split()))
        assert found.python == "/usr/bin/python3.9"
        assert [*found.call, *found.arguments] == ["/usr/bin/python3.9", *arguments.split()]

    @pytest.mark.parametrize(
        "arguments",
        [
            "",
            "-c import",
            "-Ic import",
            "-m build",
            "-m",
            "setup.py install",
            "- -m pip",
            "--version",
        ],
    )
    def test_what_it_may_run_else(self, arguments: str) -> None:
        assert recognise(["python", *arguments.split()], "/usr/bin/python", {}) is None

    @pytest.mark.parametrize("name", ["sh", "pipx", "pip-compile", "pythonise", "make"])
    def test_other_programs(self, name: str) -> None:
        assert recognise([name, "install"], f"/usr/bin/{name}", {}) is None

    @pytest.mark.parametrize(
        ("text", "python"),
        [
            ("#!/opt/bin/python3.9 -E\nimport pip\n", "/opt/bin/python3.9"),
            ("#! /opt/bin/pypy3\n", "/opt/bin/pypy3"),
            ("#!/opt/bin/python3.13t\n", "/opt/bin/python3.13t"),
            ("#!/bin/sh\n'''exec' \"/a b/bin/python\" \"$0\" \"$@\"\n' '''\n", "/a b/bin/python"),
            ("#!/bin/sh\n'''exec' /a/bin/python3 \"$0\" \"$@\"\n' '''\n", "/a/bin/python3"),
            (
                "#!/bin/sh\n'''exec' \"$(dirname -- \"$(realpath -- \"$0\")\")\"/'python' \"$0\" \"$@\"\n' '''\n",
                "{bin}/python",
            ),
            ("#!/bin/sh\n'''exec' \"/a b\n", None),
            ("#!/bin/sh\n'''exec'\n", None),
            ("#!/usr/bin/env python3\n", "{bin}/python3"),
            ("#!/usr/bin/env -S python3 -I\n", "{bin}/python3"),
            ("#!/usr/bin/env\n", None),
            ("#!/usr/bin/env bash\npyenv exec\n", None),
            ("#!\n", None),
            ("\x7fELF", None),
        ],
    )
    def test_the_interpreter_of_a_script(
        self, text: str, python: str | None, tmp_path: Path
    ) -> None:
        folder = tmp_path / "bin"
        script = program(folder / "pip", text)
        program(folder / "python3")
        found = recognise(["pip"], str(script), {"PATH": str(folder)})
        assert found is not None
        assert found.python == (python and python.format(bin=folder))

    @pytest.mark.parametrize(
        ("script", "beside"),
        [
            ("pip", "python"),
            ("pip3", "python3"),
            ("pip3.11", "python3.11"),
            ("pip-3.9", "python3.9"),
        ],
    )
    def test_a_shim(self, script: str, beside: str, tmp_path: Path) -> None:
        shim = program(tmp_path / script, "#!/usr/bin/env bash\nexec pyenv exec\n")
        python = program(tmp_path / beside, "#!/usr/bin/env bash\nexec pyenv exec\n")
        found = recognise([script], str(shim), {"PATH": os.environ["PATH"]})
        assert found is not None
        assert found.python == str(python)

    def test_a_script_that_cannot_be_read(self, tmp_path: Path) -> None:
        found = recognise(["pip"], str(tmp_path / "pip"), {})
        assert found is not None
        assert found.python is None

    def test_environment_of(self, machine: Machine) -> None:
        assert environment_of(machine.path("v/bin/python")) == machine.path("v")
        assert environment_of(machine.path("v/python.exe")) == machine.path("v")
        assert environment_of(machine.path("usr/bin/python3")) is None


class TestPip:
    @pytest.mark.parametrize(
        ("line", "variables", "expected"),
        [
            ("v/bin/python -m pip install x", {}, [("v/bin/python",)]),
            ("v/bin/python -m pip --log l --proxy install install x", {}, [("v/bin/python",)]),
            ("v/bin/python -m pip install -t d x", {}, [("v/bin/python", "site here/d")]),
            ("v/bin/python -m pip install -Ut ../d x", {}, [("v/bin/python", "site here/../d")]),
            ("v/bin/python -m pip install --targ d x", {}, [("v/bin/python", "site here/d")]),
            ("v/bin/python -m pip install --pre --prefi=p x", {}, [("v/bin/python", "prefix here/p")]),
            ("usr/bin/python3 -m pip --pyth ../v install x", {}, [("here/../v",)]),
            ("v/bin/python -m pip --isolated install x", {"PIP_TARGET": "d"}, [("v/bin/python",)]),
            ("usr/bin/python3 -m pip --isolated install x", {"PIP_PYTHON": "../v"}, [("here/../v",)]),
            ("v/bin/python -m pip install -t d --root r x", {}, [("v/bin/python", "site here/d")]),
            ("v/bin/python -m pip install x", {"PIP_TARGET": "d"}, [("v/bin/python", "site here/d")]),
            ("v/bin/python -m pip install --prefix=p x", {}, [("v/bin/python", "prefix here/p")]),
            ("v/bin/python -m pip install --root r x", {}, [("v/bin/python", "destdir here/r")]),
            ("v/bin/python -m pip install --user x", {}, [("v/bin/python", "is_user True")]),
            ("v/bin/python -m pip install x", {"PIP_USER": "yes"}, [("v/bin/python", "is_user True")]),
            ("v/bin/python -m pip install x", {"PIP_USER": "no"}, [("v/bin/python",)]),
            ("usr/bin/python3 -m pip install x", {}, [("usr/bin/python3",), ("usr/bin/python3", "is_user True")]),
            ("usr/bin/python3 -m pip install --prefix p x", {}, [("usr/bin/python3", "prefix here/p")]),
            ("usr/bin/python3 -m pip --python ../v install x", {}, [("here/../v",)]),
            ("usr/bin/python3 -m pip --python ../v/bin/python install x", {}, [("here/../v/bin/python",)]),
            ("usr/bin/python3 -m pip install x", {"PIP_PYTHON": "../v"}, [("here/../v",)]),
            ("usr/bin/python3 -m pip list", {}, []),
            ("usr/bin/python3 -m pip uninstall -y install", {}, []),
            ("usr/bin/python3 -m pip --version", {}, []),
            ("usr/bin/python3 -m pip install --dry-run x", {}, []),
            ("usr/bin/python3 -m pip install x", {"PIP_DRY_RUN": "1"}, []),
        ],
    )  # fmt: skip
    def test_places(
        self,
        line: str,
        variables: Mapping[str, str],
        expected: list[tuple[str, ...]],
        machine: Machine,
    ) -> None:
        assert machine.places(line, variables=variables) == expected

    @pytest.mark.parametrize(
        ("file", "text", "expected"),
        [
            ("home/.config/pip/pip.conf", "[global]\ntarget = d\n", ("site here/d",)),
            ("home/.config/pip/pip.conf", "[install]\n--TARGET = d\n", ("site here/d",)),
            ("home/.config/pip/pip.conf", "[download]\ntarget = d\n", ()),
            ("home/.config/pip/pip.conf", "[global]\ntarget =\n", ()),
            ("home/.config/pip/pip.conf", "target = d\n", ()),
            ("home/.pip/pip.conf", "[install]\nprefix = p\n", ("prefix here/p",)),
            ("etc/pip/pip.conf", "[install]\nroot = /r\n", ("destdir /r",)),
            ("v/pip.conf", "[global]\nuser = on\n", ("is_user True",)),
            ("v/pip.conf", "[global]\ntarget = a\n[install]\ntarget = d\n", ("site here/d",)),
            ("usr/pip.conf", "[global]\ntarget = d\n", ()),
        ],
    )
    def test_files(self, file: str, text: str, expected: tuple[str, ...], machine: Machine) -> None:
        self.write(machine, file, text)
        variables = {"HOME": machine.path("home"), "XDG_CONFIG_DIRS": machine.path("etc")}
        line = "v/bin/python -m pip install x"
        assert machine.places(line, variables=variables) == [("v/bin/python", *expected)]

    @staticmethod
    def write(machine: Machine, file: str, text: str) -> None:
        (machine.root / file).parent.mkdir(parents=True, exist_ok=True)
        (machine.root / file).write_text(text, "utf-8")

    @pytest.mark.parametrize(
        ("options", "variables", "expected"),
        [
            ("", {}, ("site here/user",)),
            ("--target d", {}, ("site here/d",)),
            ("", {"PIP_TARGET": "d"}, ("site here/d",)),
            ("", {"PIP_TARGET": ""}, ("site here/user",)),
            ("--isolated", {}, ("site here/all",)),
            ("", {"PIP_CONFIG_FILE": "{root}/named"}, ("site here/named",)),
            ("", {"PIP_CONFIG_FILE": "{root}/gone"}, ("site here/user",)),
            ("", {"PIP_CONFIG_FILE": os.devnull}, ()),
            ("", {"XDG_CONFIG_HOME": "/nowhere"}, ("site here/all",)),
            ("", {"HOME": ""}, ("site here/all",)),
        ],
    )
    def test_which_files_count(
        self,
        options: str,
        variables: Mapping[str, str],
        expected: tuple[str, ...],
        machine: Machine,
    ) -> None:
        for file, name in (
            ("home/.config/pip/pip.conf", "user"),
            ("etc/pip/pip.conf", "all"),
            ("named", "named"),
        ):
            self.write(machine, file, f"[global]\ntarget = {name}\n")
        given = {key: value.format(root=machine.root) for key, value in variables.items()}
        given = {"HOME": machine.path("home"), "XDG_CONFIG_DIRS": machine.path("etc"), **given}
        places = machine.places(f"v/bin/python -m pip {options} install x", variables=given)
        assert places == [("v/bin/python", *expected)]

    def test_a_file_that_names_another_environment(self, machine: Machine) -> None:
        self.write(machine, "usr/pip.conf", "[global]\npython = ../v\n")
        self.write(machine, "v/pip.conf", "[install]\ntarget = d\n")
        line = "usr/bin/python3 -m pip install x"
        assert machine.places(line) == [("here/../v", "site here/d")]
        self.write(machine, "v/pip.conf", "[install]\ndry-run = yes\n")
        assert machine.locate(line) == Located()

    def test_the_script_of_an_environment(self, machine: Machine) -> None:
        program(machine.root / "v/bin/pip3", f"#!{machine.root}/v/bin/python\n")
        assert machine.places("v/bin/pip3 install x") == [("v/bin/python",)]

    def test_a_script_that_names_no_interpreter(self, machine: Machine) -> None:
        located = machine.locate("pip install x")
        assert located.question is not None
        assert "which interpreter" in located.question
        assert machine.locate("pip list") == Located()
        assert machine.places("pip install -t d x", python="v") == [("v", "site here/d")]

    def test_the_one_that_the_user_names_comes_first(self, machine: Machine) -> None:
        line = "usr/bin/python3 -m pip --python elsewhere install --root r x"
        assert machine.places(line, python="v") == [("v", "destdir here/r")]


class TestUv:
    @pytest.mark.parametrize(
        ("line", "variables", "expected"),
        [
            ("uv pip install x", {"VIRTUAL_ENV": "../v"}, [("here/../v",)]),
            ("uv pip sync r.txt", {"VIRTUAL_ENV": "../v"}, [("here/../v",)]),
            ("uv --color never pip install x", {"VIRTUAL_ENV": "../v"}, [("here/../v",)]),
            ("uv pip install x", {"CONDA_PREFIX": "/c", "CONDA_DEFAULT_ENV": "x"}, [("/c",)]),
            ("uv pip install x", {"CONDA_PREFIX": "/c", "CONDA_DEFAULT_ENV": "base"}, []),
            ("uv pip install x", {}, []),
            ("uv pip install -p ../v x", {"VIRTUAL_ENV": "/w"}, [("here/../v",)]),
            ("uv pip install --python ../v/bin/python x", {}, [("here/../v/bin/python",)]),
            ("uv pip install x", {"UV_PYTHON": "/w/bin/python"}, [("/w/bin/python",)]),
            ("uv pip install -t d x", {"VIRTUAL_ENV": "/w"}, [("/w", "site here/d")]),
            ("uv pip install --prefix p x", {"VIRTUAL_ENV": "/w"}, [("/w", "prefix here/p")]),
            ("uv pip install --directory sub -t d x", {"VIRTUAL_ENV": "/w"}, [("/w", "site here/sub/d")]),
            ("uv pip install -t d x", {"VIRTUAL_ENV": "/w", "UV_WORKING_DIR": "s"}, [("/w", "site here/s/d")]),
            ("uv pip install --dry-run x", {"VIRTUAL_ENV": "/w"}, []),
            ("uv pip list", {"VIRTUAL_ENV": "/w"}, []),
            ("uv pip", {"VIRTUAL_ENV": "/w"}, []),
            ("uv --version", {}, []),
            ("uv lock", {}, []),
            ("uv venv", {}, []),
            ("v/bin/python -m uv pip install x", {}, [("v",)]),
            ("usr/bin/python3 -m uv pip install x", {}, [("usr/bin/python3",)]),
        ],
    )  # fmt: skip
    def test_pip(
        self,
        line: str,
        variables: Mapping[str, str],
        expected: list[tuple[str, ...]],
        machine: Machine,
    ) -> None:
        assert machine.places(line, variables=variables) == expected

    def test_an_environment_above(self, machine: Machine) -> None:
        make_virtual_environment(machine.root / "project/.venv")
        assert machine.places("uv pip install x", folder="project/a/b") == [("project/.venv",)]
        assert machine.places("uv pip install x", folder="project/.venv/bin") == [
            ("project/.venv",)
        ]

    @pytest.mark.parametrize(
        ("line", "variables", "asked"),
        [
            ("uv pip install --system x", {}, "--system"),
            ("uv pip install x", {"UV_SYSTEM_PYTHON": "1", "VIRTUAL_ENV": "/w"}, "--system"),
            ("uv pip install -p 3.9 x", {}, "3.9"),
            ("uv pip install --system -p 3.9 x", {}, "--system 3.9"),
            ("uv pip install -t d x", {}, ""),
        ],
    )
    def test_uv_is_asked(
        self, line: str, variables: Mapping[str, str], asked: str, machine: Machine
    ) -> None:
        text = '#!/bin/sh\necho "$@" > asked\necho /found/bin/python\n'
        program(machine.tools / "uv", text)
        (place,) = machine.locate(line, variables).places
        assert place.python == "/found/bin/python"
        question = (machine.here / "asked").read_text("utf-8").split()
        assert question[:4] == ["python", "find", "--no-project", "--no-python-downloads"]
        assert " ".join(question[4:]) == asked

    def test_which_interpreters_it_may_find(self, machine: Machine) -> None:
        program(machine.tools / "uv", '#!/bin/sh\necho "$@" > asked\necho /found/python\n')
        machine.locate("uv pip install --no-managed-python --no-config -p 3.9 x")
        asked = (machine.here / "asked").read_text("utf-8")
        expected = (
            "python find --no-project --no-python-downloads 3.9 --no-config --no-managed-python\n"
        )
        assert asked == expected

    @pytest.mark.parametrize(
        ("file", "text", "expected"),
        [
            ("uv.toml", '[pip]\ntarget = "d" # here\n', ["/w, site project/d"]),
            ("uv.toml", "['pip']\n\"target\" = 'd'\n", ["/w, site project/d"]),
            ("uv.toml", '# what\npip . prefix = "p"\n', ["/w, prefix project/p"]),
            ("uv.toml", '[pip]\npython = "e/bin/python"\n', ["project/e/bin/python"]),
            ("uv.toml", '[pip]\npython = "e"\n', ["project/e"]),
            ("uv.toml", '[pip]\npython = "3.9"\n', ["/found/3.9"]),
            ("uv.toml", "[pip]\nsystem = true\n", ["/found/--system"]),
            ("uv.toml", "[pip]\nsystem = false\n", []),
            ("uv.toml", '[[pip]]\n[index]\ntarget = "d"\n', []),
            ("uv.toml", '[tool.uv.pip]\ntarget = "d"\n', []),
            ("uv.toml", '[pip]\ntarget = "\udcff"\n', []),
            ("pyproject.toml", '[tool.uv.pip]\ntarget = "d"\n', ["/w, site project/d"]),
            ("pyproject.toml", '[tool.uv]\npip.target = "d"\n', ["/w, site project/d"]),
            ("pyproject.toml", '[pip]\ntarget = "d"\n', []),
            ("home/.config/uv/uv.toml", '[pip]\ntarget = "d"\n', ["/w, site project/d"]),
            ("etc/uv/uv.toml", '[pip]\ntarget = "d"\n', ["/w, site project/d"]),
        ],
    )
    def test_files(self, file: str, text: str, expected: list[str], machine: Machine) -> None:
        """What they name comes beside what is there without them: which of them count, only uv knows."""
        program(
            machine.tools / "uv", '#!/bin/sh\nfor last in "$@"; do :; done\necho "/found/$last"\n'
        )
        (machine.root / "project/e").mkdir(parents=True)
        path = machine.root / "project" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode("utf-8", "surrogateescape"))
        variables = {
            "VIRTUAL_ENV": "/w",
            "HOME": machine.path("project/home"),
            "XDG_CONFIG_DIRS": machine.path("project/etc"),
        }
        places = machine.places("uv pip install x", variables=variables, folder="project")
        assert [", ".join(place) for place in places] == ["/w", *expected]
        assert machine.places("uv pip install --no-config x", variables=variables) == [("/w",)]
        variables["UV_NO_CONFIG"] = "1"
        assert machine.places("uv pip install x", variables=variables) == [("/w",)]

    @pytest.mark.parametrize(
        ("options", "variables", "expected"),
        [
            ("", {}, ["/w", "/w, site project/d"]),
            ("--target t", {}, ["/w, site project/t"]),
            ("--config-file other", {}, ["/w", "/w, site project/o"]),
            ("", {"UV_CONFIG_FILE": "other"}, ["/w", "/w, site project/o"]),
        ],
    )
    def test_which_files_count(
        self, options: str, variables: Mapping[str, str], expected: list[str], machine: Machine
    ) -> None:
        (machine.root / "project").mkdir()
        for name, target in (("uv.toml", "d"), ("other", "o")):
            text = f"[pip]\ntarget = '{target}'\n"
            (machine.root / "project" / name).write_text(text, "utf-8")
        line = f"uv pip install {options} x"
        given = {"VIRTUAL_ENV": "/w", **variables}
        places = machine.places(line, variables=given, folder="project")
        assert [", ".join(place) for place in places] == expected

    def test_a_file_above(self, machine: Machine) -> None:
        (machine.root / "project").mkdir()
        (machine.root / "project/uv.toml").write_text("[pip]\nprefix = 'p'\n", "utf-8")
        variables = {"VIRTUAL_ENV": "/w"}
        places = machine.places("uv pip install x", variables=variables, folder="project/sub")
        assert places == [("/w",), ("/w", "prefix project/p"), ("/w", "prefix project/sub/p")]

    def test_a_file_that_names_the_folder(self, machine: Machine) -> None:
        (machine.root / "project").mkdir()
        for folder in (".venv", "project/.venv"):
            (machine.root / folder).write_text(f"{machine.root}/v\n", "utf-8")
        (machine.root / "project/pyproject.toml").touch()
        assert machine.places("uv pip install x", folder="project") == [("v",)]
        assert machine.places("uv sync", folder="project")[0] == ("v",)
        (machine.root / "project/.venv").write_bytes(b"\xff")
        assert machine.places("uv sync", folder="project")[0] == ("project/.venv",)

    def test_tools(self, machine: Machine) -> None:
        program(machine.tools / "uv", f"#!/bin/sh\necho {machine.root}/kept\n")
        located = machine.locate("uv tool install x")
        assert located == Located(may_change=True, is_certain=False)
        for name in ("kept/b", "kept/a"):
            make_virtual_environment(machine.root / name)
        (machine.root / "kept/.lock").touch()
        expected = [("kept/a",), ("kept/b",)]
        assert machine.places("uv tool upgrade --all") == expected
        assert machine.locate("uv tool list") == Located()
        assert machine.places("uv tool install x", python="v") == [("v",)]

    def test_the_environment_of_a_script(self, machine: Machine) -> None:
        program(machine.tools / "uv", '#!/bin/sh\necho "/found/$5/bin/python"\n')
        located = machine.locate("uv sync --script s.py")
        places = (WatchedPlace("/found/s.py/bin/python"),)
        assert located == Located(places, may_change=True, is_certain=False)

    @pytest.mark.parametrize(
        "text", ["#!/bin/sh\nexit 2\n", "#!/bin/sh\necho no path\n", "#!/nowhere\n"]
    )
    def test_uv_knows_none(self, text: str, machine: Machine) -> None:
        program(machine.tools / "uv", text)
        assert machine.places("uv pip install --system x") == []

    @pytest.mark.parametrize(
        ("line", "variables", "expected"),
        [
            ("uv sync", {}, ["project/.venv"]),
            ("uv sync", {"VIRTUAL_ENV": "/w"}, ["project/.venv"]),
            ("uv sync --active", {"VIRTUAL_ENV": "/w"}, ["/w"]),
            ("uv sync --active", {}, ["project/.venv"]),
            ("uv add x", {}, ["project/.venv"]),
            ("uv remove x", {}, ["project/.venv"]),
            ("uv sync", {"UV_PROJECT_ENVIRONMENT": "/usr/local"}, ["/usr/local"]),
            ("uv sync", {"UV_PROJECT_ENVIRONMENT": "e"}, ["project/e"]),
            ("uv sync --project member", {}, ["project/member/.venv", "project/.venv"]),
            ("uv --directory member sync", {}, ["project/member/.venv", "project/.venv"]),
            ("uv sync", {"UV_PROJECT": "/nowhere"}, []),
            ("uv sync --dry-run", {}, []),
            ("uv add --no-sync x", {}, []),
            ("uv add x", {"UV_NO_SYNC": "1"}, []),
            ("uv add --script s.py x", {}, []),
        ],
    )
    def test_projects(
        self, line: str, variables: Mapping[str, str], expected: list[str], machine: Machine
    ) -> None:
        for folder in ("project", "project/member"):
            (machine.root / folder).mkdir()
            (machine.root / folder / "pyproject.toml").touch()
        places = machine.places(line, variables=variables, folder="project")
        # somebody may have left a pyproject.toml above the tests' own folders
        above = [str(folder) for folder in machine.root.parents][:-1]
        found = [each for (each,) in places if os.path.dirname(each) not in above]
        assert found == expected

    @pytest.mark.parametrize(
        ("line", "told"),
        [
            ("uv run pytest", "before anything can be mended"),
            ("uv tool run ruff", "environments of its own"),
            ("uvx ruff", "environments of its own"),
        ],
    )
    def test_what_has_to_be_named(self, line: str, told: str, machine: Machine) -> None:
        located = machine.locate(line)
        assert located.may_change
        assert told in str(located.question)
        assert machine.places(line, python="v") == [("v",)]

    def test_the_one_that_the_user_names_comes_first(self, machine: Machine) -> None:
        variables = {"VIRTUAL_ENV": "/w"}
        assert machine.places("uv pip install -t d -p 3.9 x", variables=variables, python="v") == [
            ("v", "site here/d")
        ]


class TestPoetry:
    def test_it_is_asked(self, machine: Machine) -> None:
        program(
            machine.tools / "poetry",
            '#!/bin/sh\necho "$@" > asked\nprintf "/cache/env-py3.9\\n/cache/env-py3.10 (Activated)\\n"\n',
        )
        expected = [("/cache/env-py3.9",), ("/cache/env-py3.10",)]
        assert machine.places("poetry -C sub install -E extra") == expected
        asked = (machine.here / "asked").read_text("utf-8").split()
        assert asked == ["--directory=sub", "--no-interaction", "env", "list", "--full-path"]

    def test_there_is_none_yet(self, machine: Machine) -> None:
        program(machine.tools / "poetry", "#!/bin/sh\nexit 1\n")
        assert machine.locate("poetry install") == Located(may_change=True, is_certain=False)

    @pytest.mark.parametrize("known", [True, False])
    def test_the_active_one(self, *, known: bool, machine: Machine) -> None:
        program(machine.tools / "poetry", f"#!/bin/sh\necho {'/w' if known else '.'}\n")
        assert machine.places("poetry install", variables={"VIRTUAL_ENV": "/w"}) == [("/w",)]

    @pytest.mark.parametrize(
        "line", ["poetry lock", "poetry --version", "poetry add --lock x", "poetry sync --dry-run"]
    )
    def test_what_changes_nothing(self, line: str, machine: Machine) -> None:
        assert machine.locate(line) == Located()

    def test_its_own_environment(self, machine: Machine) -> None:
        located = machine.locate("poetry self add plugin")
        assert "poetry's own environment" in str(located.question)
        assert machine.places("poetry self add plugin", python="v") == [("v",)]

    def test_another_command_in_its_environment(self, machine: Machine) -> None:
        assert machine.places("poetry run tool --dry-run", python="v") == [("v",)]


class TestPdm:
    @pytest.fixture
    def project(self, machine: Machine) -> Path:
        folder = machine.root / "project"
        folder.mkdir()
        (folder / "pyproject.toml").touch()
        return folder

    @pytest.mark.parametrize(
        ("line", "variables", "expected"),
        [
            ("pdm sync", {}, ["project/.venv"]),
            ("pdm install", {"VIRTUAL_ENV": "/w"}, ["/w", "project/.venv"]),
            ("pdm add x", {"CONDA_PREFIX": "/c"}, ["/c", "project/.venv"]),
            (
                "pdm sync",
                {"VIRTUAL_ENV": "/w", "PDM_IGNORE_ACTIVE_VENV": "true"},
                ["project/.venv"],
            ),
            ("pdm sync -p ../other", {}, ["other/.venv"]),
            ("pdm sync", {"PDM_PROJECT": "/other"}, ["/other/.venv"]),
            ("pdm lock", {}, []),
            ("pdm sync --dry-run", {}, []),
            ("pdm add --no-sync x", {}, []),
        ],
    )
    @pytest.mark.usefixtures("project")
    def test_places(
        self, line: str, variables: Mapping[str, str], expected: list[str], machine: Machine
    ) -> None:
        places = machine.places(line, variables=variables, folder="project")
        assert places == [(each,) for each in expected]

    def test_no_project(self, machine: Machine) -> None:
        assert machine.places("pdm sync", folder="/") == [("/.venv",)]

    def test_what_it_has_noted_down(self, machine: Machine, project: Path) -> None:
        (project / ".pdm-python").write_text(f"{machine.root}/v/bin/python\n", "utf-8")
        variables = {"VIRTUAL_ENV": "/w"}
        assert machine.places("pdm sync", variables=variables, folder="project/sub") == [("v",)]
        variables["PDM_IGNORE_SAVED_PYTHON"] = "1"
        places = machine.places("pdm sync", variables=variables, folder="project")
        assert places == [("/w",), ("project/.venv",)]

    def test_one_folder_for_everything(self, machine: Machine, project: Path) -> None:
        (project / ".pdm-python").write_text(str(machine.python), "utf-8")
        assert machine.places("pdm sync", folder="project") == []
        (project / "__pypackages__/3.9").mkdir(parents=True)
        assert machine.places("pdm sync", folder="project") == [
            ("usr/bin/python3", "site project/__pypackages__/3.9/lib")
        ]

    @pytest.mark.parametrize(
        "line", ["pdm sync --global", "pdm sync --venv test", "pdm self add x"]
    )
    def test_what_has_to_be_named(self, line: str, machine: Machine) -> None:
        assert machine.locate(line).question is not None
        assert machine.places(line, python="v") == [("v",)]


def test_an_unknown_command(machine: Machine) -> None:
    located = machine.locate("make all")
    assert "what make installs to is known of pip" in str(located.question)
    assert machine.places("make all", python="v") == [("v",)]


class TestWatch:
    def add(self, site: Path, name: str = "example", record: str = "a.py,,\n") -> Path:
        info = site / f"{name}-1.0.dist-info"
        info.mkdir(parents=True, exist_ok=True)
        (info / "RECORD").write_text(record, "utf-8")
        return info

    def test_what_was_installed_since(self, tmp_path: Path) -> None:
        site = make_virtual_environment(tmp_path / "v")
        self.add(site, "old")
        changed = self.add(site, "changed")
        gone = self.add(site, "gone")
        watch = Watch(WatchedPlace(str(tmp_path / "v")), {})
        assert (watch.is_there, watch.changed()) == (True, {})
        self.add(site, "new_one")
        self.add(site, "~left")
        (site / "none-1.0.dist-info").mkdir()
        (changed / "RECORD").replace(changed / "other")
        (changed / "RECORD").write_text("a.py,,\n", "utf-8")
        (gone / "RECORD").unlink()
        assert watch.changed() == {str(site): ["changed", "new-one"]}

    def test_a_record_that_is_a_link_to_a_cache(self, tmp_path: Path) -> None:
        site = make_virtual_environment(tmp_path / "v")
        info = self.add(site)
        os.link(info / "RECORD", tmp_path / "cached")
        watch = Watch(WatchedPlace(str(tmp_path / "v")), {})
        info.rename(tmp_path / "removed")
        info.mkdir()
        os.link(tmp_path / "cached", info / "RECORD")
        assert watch.changed() == {str(site): ["example"]}

    def test_an_environment_that_is_made_meanwhile(self, tmp_path: Path) -> None:
        watch = Watch(WatchedPlace(str(tmp_path / "v")), {})
        assert (watch.is_there, watch.changed()) == (False, {})
        site = make_virtual_environment(tmp_path / "v")
        (tmp_path / "v/lib64").symlink_to("lib")
        (tmp_path / "v/lib/other").mkdir()
        self.add(site)
        assert (watch.is_there, watch.changed()) == (True, {str(site): ["example"]})

    def test_all_of_a_new_one(self, tmp_path: Path) -> None:
        site = make_virtual_environment(tmp_path / "v")
        self.add(site)
        watch = Watch(WatchedPlace(str(tmp_path / "v")), {}, is_new=True)
        assert watch.changed() == {str(site): ["example"]}

    def test_one_folder(self, tmp_path: Path) -> None:
        watch = Watch(WatchedPlace("python", site=str(tmp_path / "d")), {})
        assert watch.is_there
        self.add(tmp_path / "d")
        assert watch.changed() == {str(tmp_path / "d"): ["example"]}

    @pytest.mark.parametrize(
        "library", ["lib/python3.9/site-packages", "local/lib/python3.11/dist-packages"]
    )
    def test_a_prefix_under_another_root(self, library: str, tmp_path: Path) -> None:
        watch = Watch(WatchedPlace("python", prefix="/p", destdir=str(tmp_path / "r")), {})
        assert watch.is_there
        self.add(tmp_path / "r/p" / library)
        assert watch.changed() == {str(tmp_path / "r/p" / library): ["example"]}

    def test_the_folder_that_the_user_has_named(self, tmp_path: Path) -> None:
        place = WatchedPlace(sys.executable, is_user=True)
        watch = Watch(place, {"PYTHONUSERBASE": str(tmp_path)})
        site = tmp_path / "lib/python3.9/site-packages"
        self.add(site)
        assert watch.changed() == {str(site): ["example"]}

    def test_interpreters_that_have_to_be_asked(self, tmp_path: Path) -> None:
        base = os.path.realpath(sys.executable)
        own = Watch(WatchedPlace(base, destdir=str(tmp_path)), {})
        user = Watch(WatchedPlace(base, is_user=True, destdir=str(tmp_path)), {})
        for watch in (own, user):
            assert watch.is_there
            (site,) = watch.sites()
            self.add(tmp_path / os.path.relpath(site, tmp_path), "example")
        assert [[*each.changed().values()] for each in (own, user)] == [[["example"]]] * 2

    def test_the_executable_of_an_environment(self, tmp_path: Path) -> None:
        site = make_virtual_environment(tmp_path / "v")
        watch = Watch(WatchedPlace(str(tmp_path / "v/bin/python")), {})
        self.add(site)
        assert watch.changed() == {str(site): ["example"]}
