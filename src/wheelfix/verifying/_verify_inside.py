"""Import one extension module, and tell each step.

The target interpreter gets the source of this module as ``-c``, with what it shall do as JSON. So it stays source
compatible with CPython 3.6 and imports nothing but the standard library, and as little as it can of that: what is
loaded already can't be missing. ``-S`` keeps site from running .pth files and sitecustomize; of .pth files only the
lines that add folders count here.
"""

import importlib
import json
import os
import sys
from importlib.machinery import ExtensionFileLoader, ModuleSpec

# the typing module would bring others
TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any

__all__ = ["find", "search_path", "verify"]

_LONGEST_MESSAGE = 2000
_LONGEST_CHAIN = 20


def search_path(
    folders: "Iterable[str]", prefix: "str | None", base_prefix: "str | None"
) -> "Iterator[str]":
    """Give out what stands behind the standard library in ``sys.path``: each folder, and what its .pth files add.

    Source: site.py, ``addsitepackages`` and ``addpackage``.

    :param folders: into which wheels were installed.
    :param prefix: ``sys.prefix`` as site would have it; None where it isn't known.
    :param base_prefix: that of the interpreter that a virtual environment was made from.
    """
    # under -S it defines functions and does nothing else
    import site

    prefixes = [prefix or sys.prefix]
    if base_prefix and _has_system_packages(prefixes[0]):
        prefixes.append(base_prefix)
    seen = set(map(os.path.realpath, sys.path))
    for folder in [*folders, *site.getsitepackages(prefixes)]:
        for entry in [folder, *_added_by_pth_files(folder)]:
            real = os.path.realpath(entry)
            if real not in seen and os.path.isdir(entry):
                seen.add(real)
                yield entry


def _has_system_packages(prefix: str) -> bool:
    try:
        with open(os.path.join(prefix, "pyvenv.cfg"), encoding="utf-8") as stream:
            rows = [line.lower().partition("=")[::2] for line in stream]
    except (OSError, ValueError):
        return False
    return ("include-system-site-packages", "true") in [(a.strip(), b.strip()) for a, b in rows]


def _added_by_pth_files(folder: str) -> "Iterator[str]":
    try:
        names = sorted(name for name in os.listdir(folder) if name.endswith(".pth"))
    except OSError:
        return
    for name in names:
        try:
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as stream:
                lines = stream.read().splitlines()
        except OSError:
            continue
        for line in lines:
            if line.strip() and not line.startswith(("#", "import ", "import\t")):
                yield os.path.join(folder, line.rstrip())


def find(name: str) -> "str | None":
    """Ask the finder for which file a dotted name stands; nothing is imported on the way.

    :return: None where there is none, or a namespace package.
    """
    if name in sys.builtin_module_names:
        return "built-in"
    path = sys.path
    origin = None
    parts = name.split(".")
    for number in range(1, len(parts) + 1):
        origin, inside = _find_in(".".join(parts[:number]), path)
        if inside is None and number < len(parts):
            return None
        path = inside or []
    return origin


def _find_in(name: str, path: "Iterable[str]") -> "tuple[str | None, list[str] | None]":
    """Give the file that a name stands for, and of a package where its modules are.

    As PathFinder.find_spec in _bootstrap_external.py, which for a namespace package wants its parent to be imported.
    """
    portions = []  # type: list[str]
    for entry in path:
        # (before 3.10 zipimport's had none)
        find_spec = getattr(_finder_of(entry), "find_spec", None)
        spec = find_spec and find_spec(name)
        if spec is not None and spec.loader is not None:
            inside = spec.submodule_search_locations
            return spec.origin, None if inside is None else list(inside)
        if spec is not None:
            portions.extend(spec.submodule_search_locations or ())
    return None, portions or None


def _finder_of(entry: str) -> "Any":
    for hook in sys.path_hooks:
        try:
            return hook(entry)
        except ImportError:
            continue
    return None


def verify(name: str, files: "list[str]", tell: "Callable[[dict[str, Any]], None]") -> None:
    """Import a module by its name, and where that fails before its file is reached, the file by itself.

    :param name: dotted.
    :param files: that stand for it.
    :param tell: is told each step: "found" which file the finder gives; "loading", then "created" or "refused", then
        "loaded" or "failed" for each extension module on the way; "imported" or "error"; "alone" before the file is
        loaded by itself; and "done".
    """
    found = find(name)
    tell({"found": found})
    reached = []  # type: list[str]
    create, execute = ExtensionFileLoader.create_module, ExtensionFileLoader.exec_module

    def create_module(loader: ExtensionFileLoader, spec: ModuleSpec) -> "Any":
        reached.append(loader.path)
        tell({"loading": loader.path})
        try:
            module = create(loader, spec)
        except BaseException:
            tell({"refused": loader.path})
            raise
        tell({"created": loader.path})
        return module

    def exec_module(loader: ExtensionFileLoader, module: "Any") -> None:
        try:
            execute(loader, module)
        except BaseException:
            tell({"failed": loader.path})
            raise
        tell({"loaded": loader.path})

    ExtensionFileLoader.create_module = create_module  # type: ignore[method-assign,assignment]
    ExtensionFileLoader.exec_module = exec_module  # type: ignore[method-assign,assignment]
    try:
        error = _import(name, tell)
        if isinstance(error, ImportError) and not any(_is_any(each, files) for each in reached):
            tell({"alone": True})
            _create(name, found if found is not None and _is_any(found, files) else files[0], tell)
    finally:
        ExtensionFileLoader.create_module = create  # type: ignore[method-assign]
        ExtensionFileLoader.exec_module = execute  # type: ignore[method-assign]
    tell({"done": True})


def _import(name: str, tell: "Callable[[dict[str, Any]], None]") -> "BaseException | None":
    try:
        module = importlib.import_module(name)
    except BaseException as error:  # noqa: BLE001 - whatever a module raises is the answer
        tell({"error": _facts_of(error)})
        return error
    origin = getattr(getattr(module, "__spec__", None), "origin", None)
    tell({"imported": str(origin or getattr(module, "__file__", None))})
    return None


def _create(name: str, file: str, tell: "Callable[[dict[str, Any]], None]") -> None:
    """Have the loader take a file and run its init function; what multi-phase modules run later is not run."""
    loader = ExtensionFileLoader(name, file)
    try:
        loader.create_module(ModuleSpec(name, loader, origin=file))
    except BaseException as error:  # noqa: BLE001 - as above
        tell({"error": _facts_of(error)})
    else:
        tell({"imported": file})


def _is_any(path: str, files: "Iterable[str]") -> bool:
    try:
        return any(os.path.samefile(path, file) for file in files)
    except OSError:
        return False


def _facts_of(error: BaseException) -> "dict[str, Any]":
    """Tell what is known of an exception, and which modules were missing on the way to it."""
    missing = []  # type: list[str]
    each = error  # type: BaseException | None
    for _ in range(_LONGEST_CHAIN):
        if isinstance(each, ModuleNotFoundError) and each.name:
            missing.append(str(each.name))
        each = each and (each.__cause__ or each.__context__)
    try:
        message = str(error)
    except Exception as failed:  # noqa: BLE001 - its class is of the wheel's own making
        message = type(failed).__name__
    return {
        "type": type(error).__name__,
        "message": message[:_LONGEST_MESSAGE],
        "is_import_error": isinstance(error, ImportError),
        # who the dynamic loader refuses is named so (CPython Python/importdl.c, Python/dynload_shlib.c)
        "path": str(getattr(error, "path", None) or ""),
        "missing": missing,
    }


def _serve(text: str) -> None:
    """Answer in lines of JSON on standard output, where nothing else gets to."""
    wanted = json.loads(text)
    answers = os.dup(1)
    os.dup2(2, 1)

    def tell(answer: "dict[str, Any]") -> None:
        os.write(answers, json.dumps(answer).encode() + b"\n")

    try:
        import resource
    except ImportError:
        pass
    else:
        # who crashes leaves no core file behind
        resource.setrlimit(resource.RLIMIT_CORE, (0, resource.getrlimit(resource.RLIMIT_CORE)[1]))
    if wanted["prefix"]:
        # as site.py's venv() does, which -S leaves out
        sys.prefix = sys.exec_prefix = wanted["prefix"]
    sys.path.extend(search_path(wanted["folders"], wanted["prefix"], wanted["base_prefix"]))
    verify(wanted["name"], wanted["files"], tell)
    # threads of the module, or what it does at exit, have no say
    os._exit(0)


if __name__ == "__main__":
    _serve(sys.argv[1])
