"""Records kept as columns come back as they went in, each once."""

from __future__ import annotations

from decimal import Decimal

import pytest

from btcturk_kit.adapters.memory_records import RecordColumns
from btcturk_kit.domain.cycle import CycleRecord
from btcturk_kit.domain.risk_mode import RiskMode
from btcturk_kit.errors import InvariantViolation


def record(cycle: int, mode: RiskMode = RiskMode.NORMAL) -> CycleRecord:
    """Return a record of which no two fields are equal."""
    amounts = (Decimal(f"{cycle}.10"), Decimal(f"{cycle}.20"), Decimal(f"{cycle}.3"))
    return CycleRecord(cycle, 1_000 + cycle, mode, 2, 3, 4, 5, *amounts, f"{cycle:064x}")


def test_the_newest_come_first_and_whole() -> None:
    """Every field of a record is given back, exponents of amounts included."""
    records = RecordColumns()
    told = [record(3), record(5, RiskMode.OBSERVE_ONLY), record(8)]
    for one in told:
        records.add(one)
    assert records.newest(2) == (told[2], told[1])
    assert str(records.newest(9)[2]) == str(told[0])
    assert records.newest(0) == ()


def test_a_record_can_be_told_again_but_not_differently() -> None:
    """Neither another one of the same cycle nor one of a cycle that was passed over is taken."""
    records = RecordColumns()
    for cycle in (3, 5):
        records.add(record(cycle))
    records.add(record(3))
    for wrong in (record(3, RiskMode.OBSERVE_ONLY), record(4)):
        with pytest.raises(InvariantViolation, match=f"cycle {wrong.cycle} has"):
            records.add(wrong)
    assert records.newest(9) == (record(5), record(3))
