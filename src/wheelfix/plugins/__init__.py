"""Poetry's and PDM's way to RepairedSource: they find these modules by their entry points and import them.

Neither tool is a dependency of wheelfix. A plugin is there when wheelfix is installed where the tool is:
``poetry self add wheelfix``, ``pdm self add wheelfix``, or ``pipx inject poetry wheelfix``.
"""

from __future__ import annotations

__all__: list[str] = []
