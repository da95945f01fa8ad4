"""The list of real wheels keeps its promises."""

from __future__ import annotations

import json

import pytest

from support.wheels import LIST, known_wheels

# What one CI run may download.
BUDGET = 300_000_000


def test_one_run_downloads_at_most_300_megabytes() -> None:
    used = [wheel.size for wheel in known_wheels().values() if wheel.used_for]
    assert 0 < sum(used) < BUDGET


def test_every_verdict_is_explained() -> None:
    verdicts = json.loads(LIST.read_text("utf-8"))["verdicts"]
    assert {verdict for wheel in known_wheels().values() for verdict in wheel.verdicts} == set(
        verdicts
    )


@pytest.mark.parametrize("file", known_wheels())
def test_entry(file: str) -> None:
    wheel = known_wheels()[file]
    name, version = file.split("-")[:2]
    assert name.replace("_", "-").replace(".", "-").lower() == wheel.package.replace(".", "-")
    assert version == wheel.version
    assert len(wheel.sha256) == 64
    assert any(argument.endswith(f"=={version}") for argument in wheel.pip_args)
