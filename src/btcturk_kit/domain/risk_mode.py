"""The three modes, and which of them is stricter. Never add: a rule, a memory."""

from __future__ import annotations

from enum import StrEnum

__all__ = ["RiskMode", "looser", "strictest"]


class RiskMode(StrEnum):
    """What the bot may do; cancels are allowed in every mode."""

    NORMAL = "NORMAL"
    REDUCE_RISK_ONLY = "REDUCE_RISK_ONLY"  # only orders that make a position smaller
    OBSERVE_ONLY = "OBSERVE_ONLY"  # no order at all

    @property
    def strictness(self) -> int:
        """0 for NORMAL, 2 for OBSERVE_ONLY."""
        return _STRICTNESS[self]


_STRICTNESS = {RiskMode.NORMAL: 0, RiskMode.REDUCE_RISK_ONLY: 1, RiskMode.OBSERVE_ONLY: 2}
_LOOSER = {
    RiskMode.OBSERVE_ONLY: RiskMode.REDUCE_RISK_ONLY,
    RiskMode.REDUCE_RISK_ONLY: RiskMode.NORMAL,
    RiskMode.NORMAL: RiskMode.NORMAL,
}


def strictest(*modes: RiskMode) -> RiskMode:
    """Return the strictest of the modes, NORMAL for none."""
    return max(modes, key=_STRICTNESS.__getitem__, default=RiskMode.NORMAL)


def looser(mode: RiskMode) -> RiskMode:
    """Return the mode one step looser; NORMAL stays NORMAL."""
    return _LOOSER[mode]
