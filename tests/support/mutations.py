"""Strategies for what wheels are made of: bytes that were changed, and texts that mean something or nothing."""

from __future__ import annotations

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

__all__ = ["TEXTS", "mutated", "same_examples"]

# the same examples in every run, and no folder for those that failed
same_examples = settings(
    database=None,
    deadline=None,
    derandomize=True,
    max_examples=150,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def _changes(length: int) -> st.SearchStrategy[list[tuple[int, bytes]]]:
    """Draw some places and what is written there: single bytes, and words that are extreme."""
    values = st.one_of(
        st.binary(min_size=1, max_size=8),
        st.sampled_from(
            [b"\xff" * 2, b"\xff" * 4, b"\xff" * 8, b"\0" * 4, b"\0" * 8, b"\xff" * 7 + b"\x7f"]
        ),
    )
    return st.lists(st.tuples(st.integers(0, length - 1), values), min_size=1, max_size=8)


@st.composite
def mutated(draw: st.DrawFn, seeds: list[bytes]) -> bytes:
    """Draw one of the seeds with some bytes changed, cut off or added."""
    content = bytearray(draw(st.sampled_from(seeds)))
    for offset, value in draw(_changes(len(content))):
        content[offset : offset + len(value)] = value
    end = draw(st.one_of(st.just(len(content)), st.integers(0, len(content))))
    return bytes(content[:end]) + draw(st.one_of(st.just(b""), st.binary(max_size=20)))


_LINES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(
        [
            "pkg/__init__.py,,",
            "pkg/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,0",
            "pkg/__init__.py,sha256=47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU,1",
            "pkg\\__init__.py,shake_256=,0",
            "pkg/__init__.py,blake2b=x,0",
            "example-1.0.dist-info/RECORD,,",
            "example-1.0.dist-info/WHEEL,md5=,",
            "[console_scripts]",
            "[gui_scripts]",
            "[DEFAULT]",
            "run = pkg:main",
            "run = %(run)s:x",
            " run = pkg:main [extra]",
            "../run = pkg:main",
            "Wheel-Version: 1.0",
            "Wheel-Version: 1.1\r",
            "Root-Is-Purelib: true",
            "Root-Is-Purelib:",
            "Tag: py3-none-any",
            " continued",
            "",
            '"',
            "\0",
            "\udcff",
        ]
    ),
)
#: as bytes, with lone surrogates for what isn't UTF-8
TEXTS = st.lists(_LINES, max_size=8).map(
    lambda lines: "\n".join(lines).encode("utf-8", "surrogatepass")
)
