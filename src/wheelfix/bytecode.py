"""Bytecode for the installed source files, made by the interpreters that will run them."""

from __future__ import annotations

import sys
from importlib.util import MAGIC_NUMBER
from typing import TYPE_CHECKING

from wheelfix import _bytecode

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from wheelfix.destinations import Transaction
    from wheelfix.targets import Target

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
    :return: the files that don't compile on one of the targets.
    """
    failed: set[str] = set()
    if not files or not levels:
        return failed
    # compileall adds the file's name to the folder that it is told
    wanted = [(str(path), seen_as.rpartition("/")[0]) for path, seen_as in files]
    kinds = {(target.cache_tag, target.magic): target for target in targets if target.cache_tag}
    for (cache_tag, _), target in kinds.items():
        for path, _ in files:
            cache = path.parent / "__pycache__"
            transaction.make_folder(cache)
            for level in levels:
                optimization = f".opt-{level}" if level else ""
                transaction.will_make(cache / f"{path.stem}.{cache_tag}{optimization}.pyc")
        failed.update(_compile(target, wanted, list(levels)))
    return failed


def _compile(target: Target, files: list[tuple[str, str]], levels: list[int]) -> list[str]:
    if target.executable == sys.executable and target.magic == MAGIC_NUMBER.hex():
        return _bytecode.compile_files(files, levels)
    return _compile_elsewhere(str(target.executable), files, levels)


def _compile_elsewhere(
    executable: str, files: list[tuple[str, str]], levels: list[int]
) -> list[str]:
    import json
    import os
    import pkgutil
    import subprocess

    from wheelfix.targets.asking import ISOLATING_OPTIONS, clean_environment

    source = pkgutil.get_data("wheelfix", "_bytecode.py") or b""
    process = subprocess.run(  # noqa: S603 - the interpreter that the caller named
        [executable, *ISOLATING_OPTIONS, "-c", source.decode()],
        input=json.dumps([files, levels]),
        stdout=subprocess.PIPE,
        env=clean_environment(os.environ),
        text=True,
        check=False,
    )
    if process.returncode != 0:
        return [path for path, _ in files]
    return [str(path) for path in json.loads(process.stdout)]
