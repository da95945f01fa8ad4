"""Compile Python source files where they are.

The running interpreter imports this module; another one gets its source as ``-c``. So it stays source compatible
with CPython 3.6, and imports nothing but the standard library.
"""

import compileall
import sys
import warnings

__all__ = ["compile_files"]


def compile_files(files: "list[tuple[str, str]]", levels: "list[int]") -> "list[str]":
    """Compile source files with the interpreter that runs this.

    With SOURCE_DATE_EPOCH in the environment the result doesn't depend on the files' times (py_compile.py,
    ``_get_default_invalidation_mode``, PEP 552).

    :param files: pairs of a file's path and the folder that tracebacks shall name for it.
    :param levels: optimization levels, 0 to 2.
    :return: the files that don't compile.
    """
    failed = []
    # as in other interpreters, which are run without PYTHONPYCACHEPREFIX: what is installed lies together
    pycache_prefix, sys.pycache_prefix = getattr(sys, "pycache_prefix", None), None
    try:
        with warnings.catch_warnings():
            # what the source's author is warned of is no news to who installs it
            warnings.simplefilter("ignore")
            for path, folder in files:
                done = [
                    compileall.compile_file(path, ddir=folder, optimize=level, quiet=2)
                    for level in levels
                ]
                if not all(done):
                    failed.append(path)
    finally:
        sys.pycache_prefix = pycache_prefix
    return failed


if __name__ == "__main__":
    import json

    json.dump(compile_files(*json.load(sys.stdin)), sys.stdout)
