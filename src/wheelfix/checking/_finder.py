"""Which file an import statement finds in one folder."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection

    from wheelfix.targets import Target

__all__ = ["found_file"]

#: importlib/_bootstrap_external.py, SOURCE_SUFFIXES and BYTECODE_SUFFIXES
PYTHON_SUFFIXES = (".py", ".pyc")


def found_file(stem: str, target: Target, files: Collection[str]) -> str | None:
    """Give the file that is imported for a module.

    Source: importlib/_bootstrap_external.py, FileFinder.find_spec and _get_supported_file_loaders: a package before
    any file, extension modules before source, source before bytecode.

    :param stem: path of the module without suffix; for ``__init__`` that of the package's module.
    :param files: paths of all files there are.
    :return: None if there is none.
    """
    suffixes = (*target.extension_suffixes, *PYTHON_SUFFIXES)
    stems = [stem] if stem.endswith("/__init__") else [f"{stem}/__init__", stem]
    return next(
        (
            path
            for each in stems
            for suffix in suffixes
            for path in [each + suffix]
            if path in files
        ),
        None,
    )
