"""The equity identity: what is moved in and out is told apart from what was earned."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.domain.equity_identity import Standing, require_identity
from btcturk_kit.errors import InvariantViolation


def test_money_that_came_in_is_a_flow_and_not_a_result() -> None:
    """100 come in and 10 go out: equity is 90 higher and nothing was earned."""
    before = Standing(Decimal(1000), flows_try=Decimal(5))
    require_identity(before, Standing(Decimal(1090), flows_try=Decimal(95)))
    for flows in (-85, 94, 96, 5):
        with pytest.raises(InvariantViolation, match="net results and flows"):
            require_identity(before, Standing(Decimal(1090), flows_try=Decimal(flows)))
