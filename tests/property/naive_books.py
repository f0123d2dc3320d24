"""A second, naive account of the books, to hold the real ones against.

Everything is a fraction, every question is answered from the list of all facts, and nothing here
calls what is tested: it follows the written rules only. Coins that come in are a lot; coins that go
out use up the oldest lots; a part of a lot takes its share of the cost rounded half to even at
eight places, the last part the rest.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from types import MappingProxyType
from typing import NamedTuple

__all__ = ["Capital", "Fact", "Held", "Move", "NaiveBooks", "NaiveLot", "Trade", "rounded"]

NOTHING = Fraction()
UNIT = 10**8


def rounded(value: Fraction) -> Fraction:
    """Round half to even at eight places."""
    return Fraction(round(value * UNIT), UNIT)


class Move(NamedTuple):
    """What a fact does to the coins of one owner; `net` is None where nobody knows a worth."""

    owner: str
    asset: str
    quantity: Fraction
    net: Fraction | None
    gross: Fraction | None
    at: tuple[int, int]
    acquired_ms: int


class Fact(NamedTuple):
    """One booked fact in plain numbers.

    Attributes:
        changes: (account, asset) to what was put into it.
        outside: Asset to what the exchange holds more of because of it.
        trading: What an operator moved into trading capital by it.
        treasury: What an operator moved into the treasury by it.
    """

    changes: dict[tuple[str, str], Fraction]
    moves: tuple[Move, ...] = ()
    outside: Mapping[str, Fraction] = MappingProxyType({})
    trading: Fraction = NOTHING
    treasury: Fraction = NOTHING
    pending: str = ""


@dataclass(slots=True, kw_only=True)
class Trade:
    """A trade as the rules speak of it; `charge_rate` may become known later."""

    number: int
    is_own: bool
    base: str
    quote: str
    sign: int
    quantity: Fraction
    price: Fraction
    charges: Fraction
    at_ms: int
    charged: str
    charge_rate: Fraction | None
    quote_rate: Fraction

    def worth_of_charges(self) -> Fraction | None:
        """Return the charges in TRY, None while their coin has no rate."""
        if self.charged == "TRY":
            return self.charges
        if self.charged == self.quote:
            return self.charges * self.quote_rate
        if self.charged == self.base:
            return self.charges * self.price * self.quote_rate
        return None if self.charge_rate is None else self.charges * self.charge_rate

    def fact(self) -> Fact:
        """Return what it does: base against quote, charges from whatever they are paid in."""
        owner = "bot" if self.is_own else "external"
        notional = self.price * self.quantity
        got: dict[str, Fraction] = {}
        for asset, amount in (
            (self.base, self.sign * self.quantity),
            (self.quote, -self.sign * notional),
            (self.charged, -self.charges),
        ):
            got[asset] = got.get(asset, NOTHING) + amount
        changes = {
            (("bot" if self.is_own else "unassigned") if asset == "TRY" else owner, asset): amount
            for asset, amount in got.items()
        }
        worth, value = self.worth_of_charges(), self.sign * notional * self.quote_rate
        at = (self.at_ms, self.number)
        net, gross = value, value
        if self.charged == self.base:
            gross = value - (worth or NOTHING)
        else:
            net = value + (worth or NOTHING)
        moves = [Move(owner, self.base, got[self.base], net, gross, at, self.at_ms)]
        if self.quote != "TRY":
            cash = got[self.quote] * self.quote_rate
            moves.append(Move(owner, self.quote, got[self.quote], cash, cash, at, self.at_ms))
        is_third = self.charged not in ("TRY", self.base, self.quote)
        if is_third and self.charges:
            paid = None if worth is None else -worth
            moves.append(Move(owner, self.charged, -self.charges, paid, paid, at, self.at_ms))
        is_pending = self.is_own and worth is None and bool(self.charges)
        pending = f"fill:{self.number}" if is_pending else ""
        return Fact(changes, tuple(moves), got, pending=pending)


@dataclass(slots=True)
class NaiveLot:
    """Coins that came in at once."""

    acquired_ms: int
    number: int
    quantity: Fraction
    cost: Fraction
    gross: Fraction
    is_known: bool


@dataclass(slots=True)
class Held:
    """What one owner has of one coin after all facts, and what was realized with it."""

    lots: list[NaiveLot] = field(default_factory=list)
    net: Fraction = NOTHING
    gross: Fraction = NOTHING
    unpriced: Fraction = NOTHING

    def take(self, move: Move) -> None:
        """Use up the oldest lots of the other sign; what is left over becomes a lot."""
        knows = move.net is not None and move.gross is not None
        is_known = knows or move.owner == "bot"
        paid = (move.net or NOTHING) if knows else NOTHING
        paid_gross = (move.gross or NOTHING) if knows else NOTHING
        size = open_ = abs(move.quantity)
        cost = gross = unknown = NOTHING
        while open_ and self.lots and self.lots[0].quantity * move.quantity < 0:
            lot = self.lots[0]
            part = min(open_, abs(lot.quantity))
            if part == abs(lot.quantity):
                part_cost, part_gross = lot.cost, lot.gross
                self.lots.pop(0)
            else:
                part_cost = rounded(lot.cost * part / abs(lot.quantity))
                part_gross = rounded(lot.gross * part / abs(lot.quantity))
                lot.quantity += part if move.quantity > 0 else -part
                lot.cost -= part_cost
                lot.gross -= part_gross
            cost, gross, open_ = cost + part_cost, gross + part_gross, open_ - part
            unknown += NOTHING if lot.is_known else part
        closed = size - open_
        mine = paid if not open_ else rounded(paid * closed / size)
        mine_gross = paid_gross if not open_ else rounded(paid_gross * closed / size)
        if open_:
            left = open_ if move.quantity > 0 else -open_
            self.lots.append(
                NaiveLot(
                    move.acquired_ms,
                    move.at[1],
                    left,
                    paid - mine,
                    paid_gross - mine_gross,
                    is_known,
                )
            )
            self.lots.sort(key=lambda one: (one.acquired_ms, one.number))
        if not is_known:
            self.unpriced += closed
            return
        self.unpriced += unknown
        if unknown:
            mine = rounded(mine * (closed - unknown) / closed)
            mine_gross = rounded(mine_gross * (closed - unknown) / closed)
        self.net -= cost + mine
        self.gross -= gross + mine_gross


class Capital(NamedTuple):
    """Where the split stands."""

    trading: Fraction
    treasury: Fraction = NOTHING
    realized: Fraction = NOTHING
    peak: Fraction = NOTHING
    deferred: Fraction = NOTHING


class NaiveBooks:
    """All facts in the order they were booked, and the capital that follows from them.

    Args:
        cash: TRY the account was opened with.
        bot_cash: What of it the bot may trade with.
        ratio: The treasury's.
        above_peak: Whether only gains above the highest total are split.
    """

    def __init__(
        self, cash: Fraction, bot_cash: Fraction, *, ratio: Fraction, above_peak: bool
    ) -> None:
        self.ratio, self.above_peak = ratio, above_peak
        self.accounts = {("bot", "TRY"): bot_cash, ("unassigned", "TRY"): cash - bot_cash}
        self.outside = {"TRY": cash}
        self.capital = Capital(bot_cash)
        self.facts: dict[str, Fact] = {}
        self.splits: list[Fraction] = []

    def hold(self, asset: str, quantity: Fraction, at_ms: int) -> None:
        """Book coins the owner held at the opening; what they had cost nobody knows."""
        move = Move("external", asset, quantity, None, None, (at_ms, -1), at_ms)
        self.facts[f"opening:{asset}"] = Fact({}, (move,))
        self.accounts["external", asset] = quantity
        self.outside[asset] = quantity

    def held(self, owner: str, asset: str) -> Held:
        """Return lots and results of one owner's coins: all facts, oldest first."""
        moves = [
            move
            for fact in self.facts.values()
            for move in fact.moves
            if (move.owner, move.asset) == (owner, asset)
        ]
        held = Held()
        for move in sorted(moves, key=lambda one: one.at):
            held.take(move)
        return held

    def coins(self, owner: str) -> set[str]:
        """Return the coins an owner ever had to do with."""
        return {
            move.asset for fact in self.facts.values() for move in fact.moves if move.owner == owner
        }

    def realized(self) -> Fraction:
        """Return what the bot realized, charges of both sides inside."""
        return sum((self.held("bot", asset).net for asset in self.coins("bot")), NOTHING)

    def book(self, key: str, fact: Fact) -> None:
        """Take in a fact, or what became known about one that is booked."""
        is_new = key not in self.facts
        self.facts[key] = fact
        if is_new:
            for slot, amount in fact.changes.items():
                self.accounts[slot] = self.accounts.get(slot, NOTHING) + amount
            for asset, amount in fact.outside.items():
                self.outside[asset] = self.outside.get(asset, NOTHING) + amount
        moved = (fact.trading, fact.treasury) if is_new else (NOTHING, NOTHING)
        self._split(*moved)

    def _split(self, trading: Fraction, treasury: Fraction) -> None:
        old, total = self.capital, self.realized()
        delta = total - old.realized
        gain = total - old.peak if self.above_peak else delta + old.deferred
        waits = any(fact.pending for fact in self.facts.values())
        share = NOTHING if waits or gain <= 0 else rounded(gain * self.ratio)
        self.splits.append(share)
        for account, amount in (("bot", -share), ("treasury", share)):
            slot = (account, "TRY")
            self.accounts[slot] = self.accounts.get(slot, NOTHING) + amount
        self.capital = Capital(
            old.trading + delta - share + trading,
            old.treasury + share + treasury,
            total,
            old.peak if waits else max(old.peak, total),
            gain if waits else NOTHING,
        )
