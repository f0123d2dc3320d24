"""Whether this run may write to the exchange, decided once and carried as a value.

Never add: how it is decided (that needs settings, latches and the doctor), anything mutable.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["PolicyKind", "SideEffectPolicy"]

PolicyKind = Literal["live", "sandbox", "dry_run", "blocked"]
"""What the run writes to: the real exchange, a local one, a simulation, or nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideEffectPolicy:
    """The permission that code which writes to the exchange must hold.

    Submit and cancel are separate: a run that may not open anything may still clean up.

    Attributes:
        may_submit: Whether orders may be placed.
        may_cancel: Whether orders may be canceled.
        kind: What the run writes to.
        reasons: What forbids, in full sentences; empty if nothing does.

    Example:
        >>> SideEffectPolicy(may_submit=True, may_cancel=True, kind="sandbox").reasons
        ()
    """

    may_submit: bool
    may_cancel: bool
    kind: PolicyKind
    reasons: tuple[str, ...] = ()
