"""The rows of the rule table that keep, rename and duplicate, shown through the command line."""

from __future__ import annotations

import zipfile
from typing import TYPE_CHECKING

import pytest

from support.elf_maker import extension_module
from support.installs import (
    extension_modules,
    install,
    new_names,
    origins,
    refusal,
)
from support.repacking import file_ending
from support.trees import names, tree
from support.wheel_maker import make_wheel, record_hash
from support.wheels import wheels_for

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import InterpreterFactory
    from support.wheels import WheelFactory

pytestmark = [pytest.mark.interpreters, pytest.mark.wheels]

MARKUPSAFE_MUSL = "markupsafe-3.0.4-cp39-cp39-musllinux_1_2_x86_64.whl"
MARKUPSAFE_GLIBC = "markupsafe-3.0.4-cp39-cp39-manylinux2014_x86_64.manylinux_2_17_x86_64.manylinux_2_28_x86_64.whl"
MARKUPSAFE_PPC64LE = "markupsafe-3.0.4-cp39-cp39-musllinux_1_2_ppc64le.whl"
REBOUND = "rebound-5.2.2-cp39-cp39-musllinux_1_2_x86_64.whl"
SPEEDUPS = "markupsafe._speedups"
GNU_SUFFIX = ".cpython-39-x86_64-linux-gnu.so"
MUSL_SUFFIX = ".cpython-39-x86_64-linux-musl.so"


def files_for(use: str) -> list[str]:
    return [known.file for known in wheels_for(use)]


class TestKept:
    """Nothing is refused, and nothing gets another name, but what an import statement reaches."""

    @pytest.mark.parametrize(
        ("file", "name", "codes"),
        [
            *((file, "cp39-musl", ["WF207"]) for file in files_for("ELF in none-any")),
            *((file, "cp311-gnu", ["WF207"]) for file in files_for("ELF in none-any")),
            ("debugpy-1.8.22-py2.py3-none-any.whl", "3.9", []),
            ("selenium-4.52.0-py3-none-any.whl", "3.9", ["WF207"]),
            *(
                (file, "3.9", [])
                for file in files_for("helper ELF")
                if not file.startswith("memray")
            ),
            ("eigenpy-3.1.4-0-cp311-cp311-musllinux_1_1_x86_64.whl", "cp311-musl", []),
            ("eigenpy-3.13.0-0-cp312-cp312-manylinux_2_28_x86_64.whl", "3.12", []),
            (files_for("needs libpython")[0], "3.12", []),
            (files_for("versioned library with a module-like name")[0], "3.9", ["WF411"]),
            (files_for("module that another member needs")[0], "3.13", []),
            ("rebound-5.1.0-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl", "3.9", []),
            (
                "cx_Freeze-6.11.1-cp39-cp39-manylinux_2_17_x86_64.manylinux2014_x86_64.whl",
                "3.9",
                ["WF411"],
            ),
        ],
    )
    def test_every_name_stays(
        self,
        *,
        file: str,
        name: str,
        codes: list[str],
        any_python: InterpreterFactory,
        wheel: WheelFactory,
        tmp_path: Path,
    ) -> None:
        outcome = install([wheel(file)], tmp_path / "folder", any_python(name))
        assert outcome.codes == codes
        assert new_names(outcome) == {}

    def test_bundled_interpreter(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        (file,) = (file for file in files_for("bundled interpreter's modules") if "musl" in file)
        modules = {
            path for path in extension_modules(wheel(file)).values() if "/lib-dynload/" in path
        }
        outcome = install([wheel(file)], tmp_path / "folder", any_python("cp39-musl"))
        assert new_names(outcome) == {}
        assert len(modules) == 75
        assert modules <= names(tree(tmp_path / "folder"))
        (report,) = outcome.report["wheels"]
        told = {each["path"] for each in report["decisions"] if each["action"] == "keep"}
        assert modules <= told

    def test_memray_injects_a_library_under_the_name_that_it_knows(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        file = "memray-1.8.0-cp39-cp39-musllinux_1_1_x86_64.whl"
        outcome = install([wheel(file)], tmp_path / "folder", any_python("cp39-musl"))
        assert new_names(outcome) == {
            f"memray/{stem}{GNU_SUFFIX}": f"memray/{stem}{MUSL_SUFFIX}"
            for stem in ("_memray", "_test_utils")
        }
        assert (tmp_path / "folder" / "memray" / "_inject.abi3.so").is_file()
        failed = any_python("cp39-musl").process(
            "-s", "-c", "import memray", path=[tmp_path / "folder"]
        )
        # the module runs up to where it wants another project
        assert 'File "src/memray/_memray.pyx"' in failed.stderr
        assert "No module named 'rich'" in failed.stderr

    def test_no_elf_file(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        outcome = install(
            [wheel(files_for("WebAssembly")[0])],
            tmp_path / "folder",
            any_python("3.13"),
            options=["--allow", "WF503"],
        )
        assert outcome.codes == ["WF503"]
        assert new_names(outcome) == {}

    @pytest.mark.parametrize("name", ["3.8", "3.9", "3.10", "3.11", "3.12", "3.13"])
    def test_one_module_for_each_of_several_pythons(
        self, name: str, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        (file,) = files_for("one module for each of several Pythons")
        outcome = install([wheel(file)], tmp_path / "folder", any_python(name))
        assert [each["decisions"] for each in outcome.report["wheels"]] == [[]]
        modules = sorted(path.name for path in (tmp_path / "folder" / "iris").glob("irissdk.*"))
        assert len(modules) == 6
        own = f"iris/irissdk.cpython-{name.replace('.', '')}-x86_64-linux-gnu.so"
        found = origins(any_python(name), ["iris.irissdk"], tmp_path / "folder")
        assert found == {"iris.irissdk": str(tmp_path / "folder" / own)}


class TestBothNames:
    """Where a wheel has a module under both names, the one that would load must be the right one."""

    def made(self, wheel: WheelFactory, folder: Path, loadable: bytes) -> Path:
        module = file_ending(wheel(MARKUPSAFE_MUSL), GNU_SUFFIX)
        files: dict[str, bytes | str] = {
            "markupsafe/__init__.py": "",
            f"markupsafe/_speedups{GNU_SUFFIX}": module,
            f"markupsafe/_speedups{MUSL_SUFFIX}": loadable,
        }
        return make_wheel(folder, files, tags="cp39-cp39-musllinux_1_2_x86_64")

    def test_kept(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        module = file_ending(wheel(MARKUPSAFE_MUSL), GNU_SUFFIX)
        made = self.made(wheel, tmp_path, module)
        outcome = install([made], tmp_path / "folder", any_python("cp39-musl"))
        assert new_names(outcome) == {}
        found = origins(any_python("cp39-musl"), [SPEEDUPS], tmp_path / "folder")
        file = tmp_path / "folder" / "markupsafe" / f"_speedups{MUSL_SUFFIX}"
        assert found == {SPEEDUPS: str(file)}

    @pytest.mark.parametrize(
        ("file", "code"), [(MARKUPSAFE_PPC64LE, "WF201"), (MARKUPSAFE_GLIBC, "WF202")]
    )
    def test_refused(
        self,
        file: str,
        code: str,
        any_python: InterpreterFactory,
        wheel: WheelFactory,
        tmp_path: Path,
    ) -> None:
        made = self.made(wheel, tmp_path, file_ending(wheel(file), "-linux-gnu.so"))
        assert refusal(made, tmp_path / "folder", any_python("cp39-musl")).codes == [code]


class TestDuplicate:
    """Where something asks for the old name, the loadable one is added beside it."""

    @pytest.mark.parametrize("repair", ["auto", "rename", "duplicate"])
    def test_library_that_ctypes_opens(
        self, repair: str, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        folder = tmp_path / "folder"
        options = ["--repair", repair]
        outcome = install([wheel(REBOUND)], folder, any_python("cp39-musl"), options=options)
        assert outcome.codes == ["WF102"]
        old, new = f"librebound{GNU_SUFFIX}", f"librebound{MUSL_SUFFIX}"
        assert new_names(outcome) == {old: new}
        assert (folder / old).samefile(folder / new)
        code = (
            "import ctypes, sys, sysconfig; suffix = sysconfig.get_config_var('EXT_SUFFIX'); "
            f"print(ctypes.CDLL({str(folder)!r} + '/librebound' + suffix)._name)"
        )
        assert any_python("cp39-musl").run(code) == str(folder / new)

    def test_module_that_another_member_needs(
        self, any_python: InterpreterFactory, tmp_path: Path
    ) -> None:
        old, new = f"example/_core{GNU_SUFFIX}", f"example/_core{MUSL_SUFFIX}"
        files: dict[str, bytes | str] = {
            "example/__init__.py": "",
            old: extension_module("_core", libc="musl", symbols=["helper"]),
            "example/libmore.so": extension_module("_", libc="musl", needed=[f"_core{GNU_SUFFIX}"]),
        }
        made = make_wheel(tmp_path, files, tags="cp39-cp39-musllinux_1_2_x86_64")
        outcome = install([made], tmp_path / "folder", any_python("cp39-musl"))
        assert outcome.codes == ["WF102"]
        assert new_names(outcome) == {old: new}
        assert {old, new} <= names(tree(tmp_path / "folder"))

    def test_module_that_only_a_path_file_makes_reachable(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        target, folder = any_python("cp39-musl"), tmp_path / "folder"
        module = file_ending(wheel(MARKUPSAFE_MUSL), GNU_SUFFIX)
        files: dict[str, bytes | str] = {
            "example.pth": "more-modules\n",
            f"more-modules/_speedups{GNU_SUFFIX}": module,
        }
        made = make_wheel(tmp_path, files, tags="cp39-cp39-musllinux_1_2_x86_64")
        outcome = install([made], folder, target)
        assert outcome.codes == ["WF102", "WF428"]
        code = (
            f"import site; site.addsitedir({str(folder)!r}); "
            "import _speedups; print(_speedups.__spec__.origin)"
        )
        assert target.run(code) == str(folder / "more-modules" / f"_speedups{MUSL_SUFFIX}")

    def test_module_that_another_wheels_path_file_makes_reachable(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        file = "eigenpy-3.1.4-0-cp311-cp311-musllinux_1_1_x86_64.whl"
        outcome = install([wheel(file)], tmp_path / "folder", any_python("cp311-gnu"))
        assert outcome.codes == ["WF102"]
        # (of the project cmeel)
        stem = "cmeel.prefix/lib/python3.11/site-packages/eigenpy/eigenpy_pywrap.cpython-311"
        old, new = f"{stem}-x86_64-linux-musl.so", f"{stem}-x86_64-linux-gnu.so"
        assert new_names(outcome) == {old: new}
        assert {old, new} <= names(tree(tmp_path / "folder"))

    def test_a_python_module_is_never_hidden(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        files: dict[str, bytes | str] = {
            f"librebound{GNU_SUFFIX}": file_ending(wheel(REBOUND), GNU_SUFFIX),
            "librebound.py": "",
        }
        made = make_wheel(tmp_path, files, tags="cp39-cp39-musllinux_1_2_x86_64")
        outcome = install([made], tmp_path / "folder", any_python("cp39-musl"))
        assert outcome.codes == ["WF108"]
        assert new_names(outcome) == {}


class TestUnknown:
    def test_a_build_that_cpython_marks_as_broken_is_kept(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        module = file_ending(wheel(MARKUPSAFE_MUSL), GNU_SUFFIX)
        file = "markupsafe/_speedups.cpython-39-x86_64-linux-gnu_failed.so"
        files: dict[str, bytes | str] = {"markupsafe/__init__.py": "", file: module}
        made = make_wheel(tmp_path, files, tags="cp39-cp39-musllinux_1_2_x86_64")
        outcome = install([made], tmp_path / "folder", any_python("cp39-musl"))
        assert outcome.codes == ["WF107"]
        assert file in names(tree(tmp_path / "folder"))


class TestRepair:
    """What --repair does with a module whose name doesn't load."""

    @pytest.mark.parametrize(
        ("repair", "codes", "suffixes"),
        [
            ("auto", ["WF101"], {MUSL_SUFFIX}),
            ("rename", ["WF101"], {MUSL_SUFFIX}),
            ("duplicate", ["WF102"], {GNU_SUFFIX, MUSL_SUFFIX}),
            ("off", ["WF104"], {GNU_SUFFIX}),
        ],
    )
    def test_repair(
        self,
        *,
        repair: str,
        codes: list[str],
        suffixes: set[str],
        any_python: InterpreterFactory,
        wheel: WheelFactory,
        tmp_path: Path,
    ) -> None:
        folder = tmp_path / "folder"
        options = ["--repair", repair]
        outcome = install(
            [wheel(MARKUPSAFE_MUSL)], folder, any_python("cp39-musl"), options=options
        )
        assert outcome.codes == codes
        files = sorted((folder / "markupsafe").glob("_speedups.cpython*"))
        assert {path.name[len("_speedups") :] for path in files} == suffixes
        assert all(path.samefile(files[0]) for path in files)
        # RECORD has each of them
        (info,) = folder.glob("*.dist-info")
        record = (info / "RECORD").read_text().splitlines()
        for path in files:
            content = path.read_bytes()
            row = f"markupsafe/{path.name},{record_hash(content)},{len(content)}"
            assert row in record
        assert (info / "wheelfix.json").exists() is (repair != "off")
        found = origins(any_python("cp39-musl"), [SPEEDUPS], folder)
        loadable = folder / "markupsafe" / f"_speedups{MUSL_SUFFIX}"
        assert found == {SPEEDUPS: None if repair == "off" else str(loadable)}
        assert ("WF104" in outcome.errors) is (repair == "off")

    def test_the_wheel_itself_stays_as_it_is(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        before = wheel(MARKUPSAFE_MUSL).read_bytes()
        install([wheel(MARKUPSAFE_MUSL)], tmp_path / "folder", any_python("cp39-musl"))
        assert wheel(MARKUPSAFE_MUSL).read_bytes() == before
        with zipfile.ZipFile(wheel(MARKUPSAFE_MUSL)) as archive:
            assert archive.testzip() is None

    def test_a_dry_run_tells_and_writes_nothing(
        self, any_python: InterpreterFactory, wheel: WheelFactory, tmp_path: Path
    ) -> None:
        outcome = install(
            [wheel(MARKUPSAFE_MUSL)],
            tmp_path / "folder",
            any_python("cp39-musl"),
            options=["--dry-run"],
        )
        assert outcome.report["outcome"] == "planned"
        assert len(new_names(outcome)) == 1
        assert not (tmp_path / "folder").exists()
        assert "WF101" in outcome.errors
