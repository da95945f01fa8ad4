"""The hand that mends what another installer has put into an environment, and the eye that looks it through."""

from __future__ import annotations

from wheelfix.environments._choosing import ChosenEnvironment, choose_environment
from wheelfix.environments._fixing import fix_environment
from wheelfix.environments._model import Change, FixedDistribution, FixedEnvironment
from wheelfix.environments._verified import VerifiedDistribution, VerifiedEnvironment
from wheelfix.environments._verifying import verify_environment

__all__ = [
    "Change",
    "ChosenEnvironment",
    "FixedDistribution",
    "FixedEnvironment",
    "VerifiedDistribution",
    "VerifiedEnvironment",
    "choose_environment",
    "fix_environment",
    "verify_environment",
]
