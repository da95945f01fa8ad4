"""A pytest plugin that puts wheelfix in installer's place, under installer's own test suite.

The test modules hold what they test under names of their own (``from installer import install``); these names
are what is replaced, so that installer itself stays whole for wheelfix to stand on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

import wheelfix
from wheelfix import InstallOptions, running_target
from wheelfix.cli import main as wheelfix_main
from wheelfix.layout import folders_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["REPLACED"]


def _get_scheme_dict(distribution_name: str, prefix: str | None = None) -> dict[str, str]:
    return folders_of([running_target(prefix=prefix)], InstallOptions(), distribution_name)


def _main(cli_args: Sequence[str], program: str | None = None) -> None:
    # the one default that differs: wheels of the suite have a RECORD that is wrong
    defaults = [] if "--validate-record" in cli_args else ["--validate-record", "none"]
    status = wheelfix_main(["install", *defaults, *cli_args], program or "wheelfix")
    assert status == 0, f"exit status {status}"


# module: the names that it imports from installer, and what stands in for each
REPLACED: Mapping[str, Mapping[str, Callable[..., object]]] = {
    "test_main": {"get_scheme_dict": _get_scheme_dict, "main": _main},
    # wraps every source in a RepairedSource
    "test_core": {"install": wheelfix.install},
}


@pytest.fixture(autouse=True)
def _replaced(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, replacement in REPLACED[request.path.stem].items():
        monkeypatch.setattr(request.module, name, replacement)
