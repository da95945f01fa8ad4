"""Bytecode for the installed source files, made by the interpreters that will run them."""

from __future__ import annotations

import os
import sys
from importlib.util import MAGIC_NUMBER
from pathlib import Path
from typing import TYPE_CHECKING

from wheelfix import _bytecode

if TYPE_CHECKING:
    from collections.abc import Sequence

    from wheelfix.targets import Target
    from wheelfix.transactions import Transaction

__all__ = ["compile_bytecode"]


def compile_bytecode(
    files: Sequence[tuple[Path, str]],
    targets: Sequence[Target],
    levels: Sequence[int],
    transaction: Transaction,
) -> set[str]:
    """Compile source files for each target, each by its own interpreter.

    :param files: each with its name as the target will see it.
    :param levels: optimization levels, 0 to 2.
    :param transaction: to which the .pyc files belong.
    :return: the files that have none for one of the targets: they don't compile there, or it can't be run, or their
        folder for bytecode is a symbolic link to somewhere else.
    """
    failed: set[str] = set()
    if not files or not levels:
        return failed
    wanted = []
    for path, seen_as in files:
        if (path.parent / "__pycache__").is_symlink():
            failed.add(str(path))
        else:
            # compileall adds the file's name to the folder that it is told
            wanted.append((str(path), os.path.dirname(seen_as)))
    kinds = {(target.cache_tag, target.magic): target for target in targets if target.cache_tag}
    for (cache_tag, _), target in kinds.items():
        for name, _ in wanted:
            path = Path(name)
            transaction.make_folder(path.parent / "__pycache__")
            for level in levels:
                optimization = f".opt-{level}" if level else ""
                bytecode = f"{path.stem}.{cache_tag}{optimization}.pyc"
                transaction.will_make(path.parent / "__pycache__" / bytecode)
        failed.update(_compile(target, wanted, list(levels)))
    return failed


def _compile(target: Target, files: list[tuple[str, str]], levels: list[int]) -> list[str]:
    if target.executable == sys.executable and target.magic == MAGIC_NUMBER.hex():
        return _bytecode.compile_files(files, levels)
    every_file = [path for path, _ in files]
    if target.executable is None:
        return every_file
    try:
        return _compile_elsewhere(target.executable, files, levels)
    # it was there when it was asked, or somebody described it by hand
    except (OSError, TypeError, ValueError):
        return every_file


def _compile_elsewhere(
    executable: str, files: list[tuple[str, str]], levels: list[int]
) -> list[str]:
    import json
    import pkgutil
    import subprocess

    from wheelfix.targets.asking import ISOLATING_OPTIONS, clean_environment

    source = pkgutil.get_data("wheelfix", "_bytecode.py") or b""
    output = subprocess.run(  # noqa: S603 - the interpreter that the caller named
        [executable, *ISOLATING_OPTIONS, "-c", source.decode()],
        input=json.dumps([files, levels]),
        stdout=subprocess.PIPE,
        env=clean_environment(os.environ),
        text=True,
        check=False,
    ).stdout
    # a wrapper may print before it
    return [str(path) for path in json.loads(output.rpartition("\n")[2])]
