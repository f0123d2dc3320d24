"""Books of every kind of event, late ones too, as commits: what the ledger's tests read.

Every event goes through `pipeline.booking.book`, the way by which any event enters the books.
"""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from random import Random
from typing import Any

from btcturk_kit.domain.cycle import CycleState, Observation, StateCommit
from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset, ClientOrderId, OrderId, Symbol, TradeId
from btcturk_kit.domain.ledger import Account, EventKind, LedgerEvent, Leg
from btcturk_kit.domain.ledger_events import difference_event, fill_event, flow_event
from btcturk_kit.domain.market import Balance
from btcturk_kit.domain.money import ZERO, add, mul
from btcturk_kit.domain.operator_events import (
    LotEvidence,
    adjustment_event,
    assignment_event,
    levy_event,
    lots_event,
    transfer_event,
    valuation_event,
)
from btcturk_kit.domain.orders import Side
from btcturk_kit.domain.valued_fills import TRY
from btcturk_kit.pipeline.booking import book
from btcturk_kit.pipeline.draft import Draft
from btcturk_kit.pipeline.finance import finance_cycle
from btcturk_kit.pipeline.opening import open_account
from btcturk_kit.pipeline.profile import Profile

__all__ = ["ACCOUNT", "OPENED_MS", "BookedLife"]

ACCOUNT = "main"
OPENED_MS = 1_700_000_000_000
BTC, ETH, USDT, BNB = Asset("BTC"), Asset("ETH"), Asset("USDT"), Asset("BNB")
PRICES = {BTC: 2_500_000, ETH: 90_000, USDT: 34, BNB: 20_000}
FIRST_TRADE = 9_007_199_254_740_993  # one more than a binary fraction can hold


class BookedLife:
    """An account whose events are drawn; the same seed draws the same life.

    Args:
        seed: Of what is drawn.
        changes: Of the profile.
    """

    def __init__(self, seed: int = 0, **changes: Any) -> None:
        self.draw = Random(seed)  # noqa: S311 - a test's data, no secret
        self.profile = Profile(
            account=ACCOUNT, symbols=(), day_end=lambda now_ms: now_ms + 86_400_000, **changes
        )
        balances = (
            Balance(TRY, Decimal("5000000.25"), ZERO),
            Balance(BTC, Decimal(2), ZERO),
            Balance(BNB, Decimal(50), ZERO),
        )
        self.opening = open_account(
            ACCOUNT,
            balances,
            quote=TRY,
            now_ms=OPENED_MS,
            day_end=self.profile.day_end,
            trading_capital_try=Decimal(4_000_000),
        )
        self.state: CycleState = self.opening.state
        self.before: CycleState = self.state
        self.events: list[LedgerEvent] = list(self.opening.events)
        self.fills: dict[str, Fill] = {}
        self.now_ms = OPENED_MS
        self.number = 0

    def commits(self, count: int) -> Iterator[StateCommit]:
        """Yield commits of one to three events each, one after the other."""
        for _ in range(count):
            yield self.commit(self.draw.choice((1, 1, 2, 3)))

    def commit(self, size: int) -> StateCommit:
        """Book some drawn events as one transaction."""
        self.now_ms += self.draw.randrange(60_000, 600_000)
        draft = self._draft()
        facts: list[tuple[LedgerEvent, Fill | None]] = []
        for _ in range(size):
            # What is drawn depends on the books with the facts before it.
            facts.append(self._fact(draft))
            draft = self._draft()
            for one, its_fill in facts:
                book(draft, one)
                if its_fill is not None:
                    draft.fills.append(its_fill)
        return self._commit(draft)

    def _commit(self, draft: Draft) -> StateCommit:
        finance_cycle(draft)
        self.before = before = self.state
        self.state = before._replace(
            cycle=before.cycle + 1,
            ledger=draft.ledger,
            positions=draft.positions,
            external=draft.external,
            capital=draft.capital,
            unvalued=draft.unvalued,
        )
        self.events += draft.events
        self.fills.update({f"fill:{fill.trade_id}": fill for fill in draft.fills})
        return StateCommit(
            self.state,
            before.ledger.event_count,
            self.now_ms,
            tuple(draft.fills),
            tuple(draft.events),
            tuple(draft.capital_rows),
            (*draft.changed_positions.values(), *draft.changed_external.values()),
        )

    def fills_of(self, event: LedgerEvent) -> tuple[Fill, ...]:
        """Return the trade that an event booked, if it did."""
        fill = self.fills.get(event.key)
        return () if fill is None else (fill,)

    def plain_fills(self, count: int) -> StateCommit:
        """Book trades of the bot in BTC, each in time, as one transaction."""
        self.now_ms += 3_600_000
        draft = Draft(self.state, Observation(self.now_ms, {}), self.profile, {})
        for place in range(count):
            self.number += 1
            fill = Fill(
                TradeId(FIRST_TRADE + self.number),
                OrderId(700 + self.number),
                ClientOrderId(f"bk1-{self.number}"),
                Symbol("BTCTRY"),
                BTC,
                TRY,
                Side.SELL if place % 2 else Side.BUY,
                Decimal("0.001"),
                Decimal(2_500_000 + place),
                Decimal("1.50"),
                Decimal("0.27"),
                self.now_ms + place,
            )
            book(draft, fill_event(fill, is_own=True, known_ms=self.now_ms + count))
            draft.fills.append(fill)
        self.now_ms += count
        return self._commit(draft)

    def _draft(self) -> Draft:
        history = tuple((asset, self._history(asset)) for asset in PRICES)
        return Draft(self.state, Observation(self.now_ms, {}, history=history), self.profile, {})

    def _history(self, asset: Asset) -> tuple[LedgerEvent, ...]:
        held = (Account.BOT, Account.EXTERNAL)
        return tuple(
            event
            for event in self.events
            if any(leg.asset == asset and leg.account in held for leg in event.legs)
        )

    def _fact(self, draft: Draft) -> tuple[LedgerEvent, Fill | None]:
        self.number += 1
        open_valuation = next(iter(draft.unvalued), None)
        if open_valuation is not None and self.draw.random() < 0.5:
            valued = next(one for one in (*self.events, *draft.events) if one.key == open_valuation)
            return valuation_event(valued, Decimal(21_000), known_ms=self.now_ms), None
        if self.draw.random() < 0.6:
            fill, is_own = self._fill()
            return fill_event(fill, is_own=is_own, known_ms=self.now_ms), fill
        return self._other(draft), None

    def _amount(self, least: int, most: int, places: int) -> Decimal:
        return Decimal(self.draw.randrange(least, most)).scaleb(-places)

    def _fill(self) -> tuple[Fill, bool]:
        base = self.draw.choice((BTC, ETH, USDT))
        is_own = self.draw.random() < 0.8
        quote = USDT if base != USDT and is_own and self.draw.random() < 0.2 else TRY
        charge = self.draw.choice((None, None, None, base, BNB))
        side = self.draw.choice(tuple(Side))
        at_ms = self.now_ms - self.draw.choice((0, 0, 0, 0, self.draw.randrange(3_600_000)))
        rate = None if self.draw.random() < 0.3 else Decimal("20000.5")
        price = Decimal(PRICES[base]) * self._amount(90, 110, 2)
        if quote == USDT:
            price = price / Decimal(32)
        fill = Fill(
            TradeId(FIRST_TRADE + self.number),
            OrderId(700 + self.number),
            ClientOrderId(f"bk1-{self.number}") if is_own else None,
            Symbol(f"{base}{quote}"),
            base,
            quote,
            side,
            self._amount(1, 4_000, 5),
            price.quantize(Decimal("0.01")),
            self._amount(0, 300, 6) if charge else self._amount(0, 30_000, 4),
            self._amount(0, 60, 6) if charge else self._amount(0, 6_000, 4),
            at_ms,
            charge,
            rate if charge == BNB else None,
            Decimal("33.75") if quote == USDT else None,
        )
        return fill, is_own

    def _other(self, draft: Draft) -> LedgerEvent:
        name, now_ms = f"operation:{self.number}", self.now_ms
        kind = self.draw.randrange(8)
        amount = self._amount(1, 100_000, 4)
        if kind == 0:
            coin = self.draw.choice((TRY, BTC))
            small = mul(amount, Decimal("0.01")) if coin == BTC else amount
            return flow_event(
                f"deposit:{self.number}",
                coin,
                small if self.draw.random() < 0.6 else -small,
                quote=TRY,
                event_time_ms=now_ms - 1_000,
                known_ms=now_ms,
                fee=Decimal("0.0001"),
                tax=Decimal("0.00002"),
            )
        if kind == 1:
            return transfer_event(
                name, amount, source="unassigned", target="treasury", quote=TRY, now_ms=now_ms,
                reason="aside",
            )  # fmt: skip
        if kind == 2:
            return assignment_event(
                name, BTC, Decimal("0.01"), cost_try=mul(amount, Decimal(1000)),
                acquired_ms=OPENED_MS - 86_400_000 + self.number, to_bot=True, now_ms=now_ms,
                evidence="a receipt | of a broker; with signs",
            )  # fmt: skip
        if kind == 3:
            return difference_event(
                [(BTC, amount), (TRY, -amount)], count=self.number, now_ms=now_ms
            )
        if kind == 4:
            legs = (Leg(Account.SUSPENSE, BTC, -amount), Leg(Account.DIFFERENCE, BTC, amount))
            return adjustment_event(
                name, legs, event_time_ms=now_ms, known_ms=now_ms, reason="ğüşıöç"
            )
        if kind == 5:
            return levy_event(
                name, amount, kind=EventKind.WITHHOLDING, payer=Account.BOT, event_time_ms=now_ms,
                known_ms=now_ms, reason="rule 1",
            )  # fmt: skip
        if kind == 6 and self._unknown(draft, BNB) > 1:
            lot = LotEvidence(Decimal("0.5"), mul(amount, Decimal(900)), OPENED_MS - self.number)
            return lots_event(
                BNB, [lot], event_time_ms=now_ms, known_ms=now_ms, evidence=f"file {self.number}"
            )
        return flow_event(
            f"airdrop:{self.number}", ETH, mul(amount, Decimal("0.01")), quote=TRY,
            event_time_ms=now_ms, is_airdrop=True,
        )  # fmt: skip

    @staticmethod
    def _unknown(draft: Draft, asset: Asset) -> Decimal:
        result = ZERO
        for lot in draft.external[asset].lots if asset in draft.external else ():
            if not lot.has_cost:
                result = add(result, lot.quantity)
        return result
