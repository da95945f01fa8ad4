"""Transactions: what one call changes, it changes as a whole or not at all."""

from __future__ import annotations

from wheelfix.transactions._journal import STAGING_NAME
from wheelfix.transactions._recovery import pending, recover
from wheelfix.transactions._staging import Rank, cannot_write
from wheelfix.transactions._transaction import Transaction

__all__ = ["STAGING_NAME", "Rank", "Transaction", "cannot_write", "pending", "recover"]
