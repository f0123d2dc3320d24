"""The pairs that the local exchange knows the rules of, and how a text names one with its tape.

Never add: limits that move with the market, a tape.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Final, NamedTuple

from btcturk_kit.domain.identifiers import Asset, Symbol
from btcturk_kit.domain.instruments import PairRules
from btcturk_kit.domain.orders import OrderType
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.market.candle_tape import CandleTape
from btcturk_kit.sandbox.market.files import read_tape
from btcturk_kit.sandbox.market.recorded_candles import Holes
from btcturk_kit.sandbox.market.synthetic_market import SyntheticMarket
from btcturk_kit.sandbox.market.synthetic_settings import SyntheticSettings
from btcturk_kit.sandbox.venue.pair import Listing
from btcturk_kit.simulation.chance import Span

__all__ = ["BTCTRY_RULES", "KNOWN_PAIRS", "KnownPair", "bundled_listing", "listing_of"]

_ORDER_TYPES = (
    OrderType.MARKET,
    OrderType.LIMIT,
    OrderType.STOP_MARKET,
    OrderType.STOP_LIMIT,
)

BTCTRY_RULES = PairRules(
    symbol=Symbol("BTCTRY"),
    base=Asset("BTC"),
    quote=Asset("TRY"),
    price_scale=0,
    quantity_scale=8,
    quote_scale=0,
    has_fraction=False,
    min_notional=Decimal("99.91"),
    tick_size=Decimal(10),
    order_types=_ORDER_TYPES,
)
"""The rules of BTC/TRY in August 2026, as exchange info published them. They apply to the tape's
older prices too."""

_ETHTRY_RULES = PairRules(  # July 2022, the newest exchange info that lists it
    symbol=Symbol("ETHTRY"),
    base=Asset("ETH"),
    quote=Asset("TRY"),
    price_scale=0,
    quantity_scale=8,
    quote_scale=0,
    has_fraction=False,
    min_notional=Decimal("99.91"),
    tick_size=Decimal(1),
    order_types=_ORDER_TYPES,
)

_USDTTRY_RULES = PairRules(  # August 2026
    symbol=Symbol("USDTTRY"),
    base=Asset("USDT"),
    quote=Asset("TRY"),
    price_scale=3,
    quantity_scale=2,
    quote_scale=3,
    min_notional=Decimal("99.91"),
    tick_size=Decimal("0.001"),
    order_types=_ORDER_TYPES,
)

_BTCUSDT_RULES = PairRules(  # 2026, as ccxt keeps it
    symbol=Symbol("BTCUSDT"),
    base=Asset("BTC"),
    quote=Asset("USDT"),
    price_scale=0,
    quantity_scale=8,
    quote_scale=0,
    has_fraction=False,
    min_notional=Decimal("9.91"),
    tick_size=Decimal(1),
    order_types=_ORDER_TYPES,
)

_ETHUSDT_RULES = PairRules(  # August 2026
    symbol=Symbol("ETHUSDT"),
    base=Asset("ETH"),
    quote=Asset("USDT"),
    price_scale=1,
    quantity_scale=8,
    quote_scale=1,
    min_notional=Decimal("9.91"),
    tick_size=Decimal("0.1"),
    order_types=_ORDER_TYPES,
)


class KnownPair(NamedTuple):
    """A pair whose rules are known.

    Attributes:
        rules: As exchange info published them.
        opening_price: Where a made-up market opens.
        settings: The ways of a made-up market.
    """

    rules: PairRules
    opening_price: Decimal
    settings: SyntheticSettings


_IN_LIRA = SyntheticSettings()
_IN_DOLLARS = SyntheticSettings(level_notional=2_500)
# The dollar moves and costs a tenth of what a coin does.
_DOLLAR = SyntheticSettings(
    volatility_bps=6, half_spread_bps=Span(1, 4), skew_bps_max=1, jump_bps=Span(5, 40)
)

# Exchange info limits orders to ten times the last price: these are a tenth of the limit there.
# ETH/TRY is the product of ETH/USDT and USDT/TRY.
KNOWN_PAIRS: Final = {
    one.rules.symbol: one
    for one in (
        KnownPair(BTCTRY_RULES, Decimal(3_717_080), _IN_LIRA),
        KnownPair(_ETHTRY_RULES, Decimal(117_700), _IN_LIRA),
        KnownPair(_USDTTRY_RULES, Decimal("47.832"), _DOLLAR),
        KnownPair(_BTCUSDT_RULES, Decimal(77_295), _IN_DOLLARS),
        KnownPair(_ETHUSDT_RULES, Decimal("2460.7"), _IN_DOLLARS),
    )
}
"""The pairs that `listing_of` knows, by their names."""

_KNOWN = f"known pairs are {', '.join(KNOWN_PAIRS)}"
_HINT = f"give PAIR, PAIR=FILE or PAIR=BOOK,TRADES; {_KNOWN}"


def bundled_listing() -> Listing:
    """Return BTC/TRY on the recorded hours that come with the package."""
    return Listing(BTCTRY_RULES, CandleTape.bundled())


def listing_of(text: str, *, holes: Holes = "refuse") -> Listing:
    """Return the pair that a text names, with its tape.

    `BTCTRY` is moved by the recorded hours that come with the package, another known pair by a
    made-up market. `PAIR=FILE` is moved by a recording of candles, trades or level-2 updates, and
    `PAIR=FILE,TRADES` by level-2 updates with the trades beside them.

    Args:
        text: Such as `BTCTRY`, `ETH_TRY`, `BTCUSDT=trades.csv.gz`.
        holes: Of candles: whether missing ones refuse the file or halt the pair.

    Raises:
        ConfigurationError: The pair is not known, there is no such file, or it is no recording.

    Example:
        >>> listing_of("usdt_try").tape.opening_price
        Decimal('47.832')
    """
    name, has_file, file_text = text.partition("=")
    known = KNOWN_PAIRS.get(Symbol(name.strip().replace("_", "").upper()))
    if known is None:
        raise ConfigurationError(
            f"the local exchange does not know the pair {name.strip()!r}",
            hint=f"{_KNOWN}; in Python, LocalExchange(listings=...) takes others",
        )
    rules = known.rules
    if has_file:
        path, trades = _files(file_text.strip(), rules.symbol)
        tape = read_tape(path, price_places=rules.price_places, holes=holes, trades=trades)
        return Listing(rules, tape)
    if rules is BTCTRY_RULES:
        return bundled_listing()
    return Listing(
        rules,
        SyntheticMarket(
            known.opening_price,
            price_places=rules.price_places,
            settings=known.settings,
            name=rules.symbol,
        ),
    )


def _files(text: str, symbol: Symbol) -> tuple[Path, Path | None]:
    """Return the file of a listing and that of the trades beside it; a comma is between them."""
    path = Path(text)
    found: tuple[Path, Path | None] = (path, None)
    if not path.is_file() and "," in text:
        first, _, second = text.rpartition(",")
        found = Path(first.strip()), Path(second.strip())
    for one in found:
        if one is not None and not one.is_file():
            raise ConfigurationError(f"there is no file {one} for {symbol}", hint=_HINT)
    return found
