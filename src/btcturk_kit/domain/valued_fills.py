"""Trades that touch more than a coin and TRY: each leg with what it was worth in TRY at the time.

A pair quoted in another asset, a charge in the base, a charge in a third asset. The usual trade,
against TRY with its charges in TRY, has a shorter way in `ledger_events`. Never add: a rate that is
not the trade's own.
"""

from __future__ import annotations

from decimal import Decimal

from btcturk_kit.domain.fills import Fill
from btcturk_kit.domain.identifiers import Asset
from btcturk_kit.domain.ledger import Account, Leg
from btcturk_kit.domain.money import ZERO
from btcturk_kit.domain.orders import Side
from btcturk_kit.errors import InvariantViolation

__all__ = ["TRY", "valued_legs"]

TRY = Asset("TRY")
"""The asset that all values are in."""

# A member named once costs a fraction of one looked up at each use.
_BOT = Account.BOT
_EXTERNAL = Account.EXTERNAL
_FEE = Account.FEE
_TAX = Account.TAX
_TRADE = Account.TRADE
_UNASSIGNED = Account.UNASSIGNED
_BUY = Side.BUY


def valued_legs(fill: Fill, *, is_own: bool) -> tuple[Leg, ...]:
    """Return the legs of a trade, each amount of another asset than TRY with its value in TRY.

    A charge in the base takes from the quantity, one in a third asset from that asset's own lots,
    both at the rate of the trade's own time. Without that rate the values that need it stay open.

    Raises:
        InvariantViolation: A trade of the bot against another asset than TRY without the rate.
    """
    base, quote, sign = fill.base, fill.quote, 1 if fill.side is _BUY else -1
    unit = Decimal(1) if quote == TRY else fill.quote_rate
    if unit is None and is_own:
        raise InvariantViolation(
            f"trade {fill.trade_id} of the bot in {fill.symbol} has no {quote}/TRY rate"
        )
    charged = fill.charge_asset or quote
    rate: Decimal | None
    if charged == TRY:
        rate = Decimal(1)
    elif charged == quote:
        rate = unit
    elif charged == base:
        rate = None if unit is None else fill.price * unit
    else:
        rate = fill.charge_rate
    notional, charges = fill.price * fill.quantity, fill.fee + fill.tax
    gross = None if unit is None else sign * notional * unit
    cost = ZERO if rate is None else charges * rate
    base_change, quote_change = sign * fill.quantity, -sign * notional
    if charged == base:
        base_change = base_change - charges
    elif charged == quote:
        quote_change = quote_change - charges
    # What the quote brought or took is the trade's own value; charges that were paid in the base
    # or in a third asset are part of what the lot cost, or come off what it brought.
    net = None if gross is None else gross + cost
    if charged == base and net is not None:
        net = net - cost
    coins = _BOT if is_own else _EXTERNAL
    purse = _BOT if is_own else _UNASSIGNED
    cash = purse if quote == TRY else coins
    legs = [
        Leg(coins, base, base_change, net),
        Leg(_TRADE, base, -sign * fill.quantity, None if gross is None else -gross),
        Leg(cash, quote, quote_change, _value(quote, quote_change, unit)),
        Leg(_TRADE, quote, sign * notional, _value(quote, sign * notional, unit)),
    ]
    if charges and charged not in (base, quote):
        payer = purse if charged == TRY else coins
        legs.append(Leg(payer, charged, -charges, _value(charged, -charges, rate)))
    legs.append(Leg(_FEE, charged, fill.fee, _value(charged, fill.fee, rate)))
    legs.append(Leg(_TAX, charged, fill.tax, _value(charged, fill.tax, rate)))
    return tuple(legs)


def _value(asset: Asset, amount: Decimal, rate: Decimal | None) -> Decimal | None:
    return None if asset == TRY or rate is None else amount * rate
