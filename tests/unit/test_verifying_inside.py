"""What runs on the target, run here: the steps that it tells, and where it looks."""

from __future__ import annotations

import importlib
import json
import os
import runpy
import subprocess
import sys
from importlib.machinery import ExtensionFileLoader
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from support.native_modules import SUFFIX, good_module
from wheelfix.verifying import _verify_inside
from wheelfix.verifying._verify_inside import find, search_path, verify

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder at the end of sys.path; what is imported of it is forgotten afterwards."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        if name.startswith("inside_"):
            del sys.modules[name]
    importlib.invalidate_caches()


def write(folder: Path, **files: str) -> None:
    for name, content in files.items():
        file = folder / f"{name.replace('__in__', '/')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content, encoding="utf-8")


def put(folder: Path, package: str, suffix: str = SUFFIX) -> tuple[str, str]:
    """Put a module that imports into a package, and give its dotted name and its file."""
    module = good_module()
    file = folder.joinpath(*package.split("."), module.stem + suffix)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(module.content)
    return f"{package}.{module.stem}", str(file)


def steps(name: str, *files: str) -> list[dict[str, Any]]:
    told: list[dict[str, Any]] = []
    verify(name, list(files), told.append)
    assert told[-1] == {"done": True}
    return told[:-1]


class TestFind:
    def test_nothing_is_imported_on_the_way(self, folder: Path) -> None:
        name, file = put(folder, "inside_a.sub")
        write(folder, inside_a__in____init__="1 / 0", inside_a__in__sub__in____init__="1 / 0")
        assert find(name) == file
        assert "inside_a" not in sys.modules

    def test_namespace_packages(self, folder: Path) -> None:
        name, file = put(folder, "inside_b.sub")
        assert find(name) == file
        assert find("inside_b.sub") is None

    @pytest.mark.parametrize(
        ("name", "found"),
        [("sys", "built-in"), ("inside_absent", None), ("json.decoder.x", None)],
    )
    def test_others(self, name: str, found: str | None) -> None:
        assert find(name) == found

    def test_an_importer_without_specs(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        name, file = put(folder, "inside_c")
        monkeypatch.setattr(sys, "path", ["", "old", *sys.path])
        monkeypatch.setattr(sys, "path_hooks", [hook_for_old, *sys.path_hooks])
        assert find(name) == file

    def test_an_entry_that_nobody_can_search(
        self, folder: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        name, file = put(folder, "inside_d")
        monkeypatch.setattr(sys, "path", [str(folder / "absent.zip"), *sys.path])
        assert find(name) == file


def hook_for_old(entry: str) -> object:
    """Stand for zipimport before 3.10."""
    if entry != "old":
        raise ImportError
    return object()


class TestVerify:
    def test_imported(self, folder: Path) -> None:
        name, file = put(folder, "inside_e")
        each = [{"found": file}, {"loading": file}, {"created": file}, {"loaded": file}]
        before = ExtensionFileLoader.create_module, ExtensionFileLoader.exec_module
        assert steps(name, file) == [*each, {"imported": file}]
        assert (ExtensionFileLoader.create_module, ExtensionFileLoader.exec_module) == before

    def test_python_source_in_its_stead(self, folder: Path) -> None:
        _, file = put(folder, "inside_f")
        write(folder, inside_f__in__other="")
        source = str(folder / "inside_f" / "other.py")
        assert steps("inside_f.other", file) == [{"found": source}, {"imported": source}]

    def test_what_has_no_file(self, folder: Path) -> None:
        source = "import sys\nclass M: pass\nsys.modules[__name__] = M()"
        write(folder, inside_g=source)
        source = str(folder / "inside_g.py")
        assert steps("inside_g", source) == [{"found": source}, {"imported": "None"}]

    def test_its_package_stops_the_import(self, folder: Path) -> None:
        name, file = put(folder, "inside_h")
        write(folder, inside_h__in____init__="import inside_absent")
        found, error, alone, loading, created, imported = steps(name, file)
        assert found == {"found": file}
        assert error == {
            "error": {
                "type": "ModuleNotFoundError",
                "message": "No module named 'inside_absent'",
                "is_import_error": True,
                "path": "",
                "missing": ["inside_absent"],
            }
        }
        assert alone == {"alone": True}
        assert (loading, created) == ({"loading": file}, {"created": file})
        assert imported == {"imported": file}

    def test_what_is_no_module_alone(self, folder: Path) -> None:
        write(folder, inside_i="import inside_absent")
        broken = folder / f"broken{SUFFIX}"
        broken.write_bytes(b"no module")
        *_, alone, loading, refused, error = steps("inside_i", str(broken))
        assert (alone, loading) == ({"alone": True}, {"loading": str(broken)})
        assert refused == {"refused": str(broken)}
        assert error["error"]["path"] == str(broken)

    def test_reached_under_another_name_and_a_file_that_is_gone(self, folder: Path) -> None:
        name, file = put(folder, "inside_j")
        source = f"import {name}\nimport os\nos.remove({file!r})\nraise ImportError('after')"
        write(folder, inside_j__in__late=source)
        *_, alone, _loading, _refused, error = steps("inside_j.late", file)
        assert alone == {"alone": True}
        assert error["error"]["is_import_error"]

    def test_reached(self, folder: Path) -> None:
        name, file = put(folder, "inside_k")
        write(folder, inside_k__in__late=f"import {name}\nraise ImportError('after')")
        told = steps("inside_k.late", file)
        assert told[-1]["error"]["message"] == "after"
        assert {"alone": True} not in told

    def test_its_own_code_fails(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        name, file = put(folder, "inside_n")

        def fails(_loader: ExtensionFileLoader, _module: object) -> None:
            raise RuntimeError("broken")

        monkeypatch.setattr(ExtensionFileLoader, "exec_module", fails)
        *_, created, failed, error = steps(name, file)
        assert (created, failed) == ({"created": file}, {"failed": file})
        assert (error["error"]["type"], error["error"]["path"]) == ("RuntimeError", "")

    def test_other_exceptions(self, folder: Path) -> None:
        source = (
            "class E(Exception):\n    def __str__(self): raise ValueError\n"
            "try:\n    import inside_absent\nexcept ImportError:\n    raise E\n"
        )
        write(folder, inside_l=source)
        error = steps("inside_l", "/absent")[-1]["error"]
        assert error == {
            "type": "E",
            "message": "ValueError",
            "is_import_error": False,
            "path": "",
            "missing": ["inside_absent"],
        }


class TestSearchPath:
    def site_packages(self, prefix: Path) -> Path:
        import site

        made = Path(site.getsitepackages([str(prefix)])[0])
        made.mkdir(parents=True)
        return made

    def test_folders_then_what_their_pth_files_add_then_site_packages(self, tmp_path: Path) -> None:
        first, own = tmp_path / "first", self.site_packages(tmp_path / "prefix")
        for each in ("a", "b"):
            (first / each).mkdir(parents=True)
        (first / "x.pth").write_text("a\n\n# b\nimport os; b\nabsent\n", encoding="utf-8")
        (first / "y.pth").write_text(f"a\n{first / 'b'}\n", encoding="utf-8")
        (first / "z.pth").mkdir()
        found = [
            *search_path([str(first), str(tmp_path / "absent")], str(tmp_path / "prefix"), None)
        ]
        assert found == [str(each) for each in (first, first / "a", first / "b", own)]

    @pytest.mark.parametrize(
        ("text", "both"),
        [
            ("include-system-site-packages = TRUE\n", True),
            ("home = /usr\nInclude-System-Site-Packages=true", True),
            ("include-system-site-packages = false\n", False),
            (None, False),
        ],
    )
    def test_a_virtual_environment(self, tmp_path: Path, text: str | None, *, both: bool) -> None:
        own = self.site_packages(tmp_path / "venv")
        system = self.site_packages(tmp_path / "base")
        if text is not None:
            (tmp_path / "venv" / "pyvenv.cfg").write_text(text, encoding="utf-8")
        found = [*search_path([], str(tmp_path / "venv"), str(tmp_path / "base"))]
        assert found == [str(own), *([str(system)] if both else [])]

    def test_where_nothing_is_known_of_the_prefix(self) -> None:
        assert set(search_path([], None, None)).isdisjoint(sys.path)


@pytest.mark.parametrize("has_limits", [True, False])
@pytest.mark.parametrize("prefix", ["/somewhere", None])
def test_the_program(
    folder: Path, monkeypatch: pytest.MonkeyPatch, prefix: str | None, *, has_limits: bool
) -> None:
    name, file = put(folder, "inside_m")
    reading, writing = os.pipe()
    told: list[object] = []
    question = {
        "name": name,
        "files": [file],
        "folders": [str(folder)],
        "prefix": prefix,
        "base_prefix": None,
    }
    if not has_limits:
        monkeypatch.setitem(sys.modules, "resource", None)
    with monkeypatch.context() as context:
        context.setattr(sys, "argv", ["-c", json.dumps(question)])
        context.setattr(sys, "prefix", sys.prefix)
        context.setattr(sys, "exec_prefix", sys.exec_prefix)
        context.setattr(os, "dup", lambda _: writing)
        context.setattr(os, "dup2", lambda *both: told.append(both))
        context.setattr(os, "_exit", told.append)
        runpy.run_path(str(_verify_inside.__file__), run_name="__main__")
        assert sys.prefix == (prefix or sys.prefix)
    os.close(writing)
    assert told == [(2, 1), 0]
    with os.fdopen(reading) as stream:
        lines = [json.loads(line) for line in stream]
    assert lines[0] == {"found": file}
    assert lines[-2:] == [{"imported": file}, {"done": True}]


def test_the_program_imports_nothing_but_the_standard_library() -> None:
    code = f"import runpy; runpy.run_path({_verify_inside.__file__!r})"
    subprocess.run([sys.executable, "-I", "-S", "-c", code], check=True)
