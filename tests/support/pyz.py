"""wheelfix.pyz for the tests: what goes into it is downloaded once and kept."""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from make_pyz import REQUIREMENTS, download
from support.cache import cache_folder

__all__ = ["dependency_wheels"]


def dependency_wheels() -> list[Path]:
    """Give the wheels that are pinned for the file, after downloading them where they are not there yet."""
    digest = hashlib.sha256(REQUIREMENTS.read_bytes()).hexdigest()[:12]
    kept = cache_folder() / "pyz" / digest
    if not kept.is_dir():
        kept.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=kept.parent) as temporary:
            folder = Path(temporary, "wheels")
            folder.mkdir()
            download(folder)
            # (another run may have been faster)
            if not kept.is_dir():
                os.replace(folder, kept)
    return sorted(kept.glob("*.whl"))
