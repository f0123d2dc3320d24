"""Universe and runtime parameters as sections of a cycle's document.

Never add: a score, a change of a parameter.
"""

from __future__ import annotations

from typing import Literal, cast

from btcturk_kit.domain.adaptation import Adaptive
from btcturk_kit.domain.canonical import canonical_decimal
from btcturk_kit.domain.membership import Selection
from btcturk_kit.reporting.cycle_shape import (
    ExcludedShape,
    MemberShape,
    ParameterChangeShape,
    ParametersShape,
    ScorePartShape,
    ScoreShape,
    UniverseShape,
)

__all__ = ["parameters_section", "universe_section"]


def universe_section(kind: str, selection: Selection) -> UniverseShape:
    """Return the universe in force, with the scores it was chosen by."""
    return UniverseShape(
        kind=cast("Literal['configured', 'dynamic']", kind),
        reviewed_ms=selection.reviewed_ms,
        members=[
            MemberShape(symbol=one.symbol, since_ms=one.since_ms) for one in selection.members
        ],
        scores=[
            ScoreShape(
                rank=rank,
                symbol=score.symbol,
                total=canonical_decimal(score.total),
                parts=[
                    ScorePartShape(
                        name=part.name,
                        value=canonical_decimal(part.value),
                        normalized=canonical_decimal(part.normalized),
                        weight=canonical_decimal(part.weight),
                        points=canonical_decimal(part.points),
                    )
                    for part in score.parts
                ],
            )
            for rank, score in enumerate(selection.scores, start=1)
        ],
        excluded=[
            ExcludedShape(symbol=one.symbol, code=one.code, detail=one.detail)
            for one in selection.excluded
        ],
    )


def parameters_section(adaptive: Adaptive, *, now_ms: int) -> ParametersShape:
    """Return the parameters in force; the changes are those that were made at this instant."""
    version = adaptive.current
    changes = version.changes if version.since_ms == now_ms else ()
    return ParametersShape(
        version=version.number,
        since_ms=version.since_ms,
        origin=version.origin.value,
        is_proven=adaptive.is_proven,
        values={
            name: canonical_decimal(value) for name, value in version.parameters.values().items()
        },
        changes=[
            ParameterChangeShape(
                name=one.name,
                before=canonical_decimal(one.before),
                after=canonical_decimal(one.after),
                reason=one.reason,
                evidence=one.evidence,
            )
            for one in changes
        ],
    )
