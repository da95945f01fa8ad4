"""Where a wheel's files go: into staging first, to be committed by a transaction."""

from __future__ import annotations

from wheelfix.destinations._destination import TransactionalDestination
from wheelfix.destinations._places import Place, roots_of

__all__ = ["Place", "TransactionalDestination", "roots_of"]
