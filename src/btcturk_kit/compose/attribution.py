"""A session beside its simulation, which is told one fact of the session more each time.

The rungs of `reporting.difference`, each a whole backtest. Whoever asks states the facts, and a
cause without a fact has no rung: what it did is in the rest. Never add: a fact that is guessed from
how well it fits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from decimal import Decimal
from typing import Any, Literal, NamedTuple

from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.domain.datasets import Dataset, FeeLevel, FeeTable
from btcturk_kit.domain.money import exact, sub
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.difference import CAUSES, Attribution, Cause, attribute
from btcturk_kit.simulation.latency import Latency
from btcturk_kit.simulation.venue_models import Publication, Queue, VenueModels

__all__ = ["Attributed", "Facts", "Session", "attribute_session", "session_of"]


class Session(NamedTuple):
    """What a journal says of the session it is of.

    Attributes:
        opening_try: Equity before anything was decided.
        equity_try: Equity at the last decision.
        until_ms: When that was.
        strategies: Who wanted something.
        symbols: In which pairs.
    """

    opening_try: Decimal
    equity_try: Decimal
    until_ms: int
    strategies: frozenset[str]
    symbols: frozenset[str]


class Attributed(NamedTuple):
    """The shares, and where the simulation ended.

    Attributes:
        ends_ms: The last instant of the dataset that is not after the session's last decision; what
            prices did between the two is in the rest.
    """

    attribution: Attribution
    ends_ms: int


class Facts(NamedTuple):
    """What is known of the session; None for what is not.

    Attributes:
        missed_data: The market as the session saw it.
        publication_ms: How old it was then.
        latency: How long its submits and cancels were under way.
        queue: How what stood before its orders moved.
        fees: The rates it paid.
    """

    missed_data: Dataset | None = None
    publication_ms: int | None = None
    latency: Latency | None = None
    queue: Literal["pessimistic", "proportional", "as_exchange"] | None = None
    fees: FeeLevel | None = None

    @property
    def causes(self) -> tuple[Cause, ...]:
        """The rungs that these facts make, in the order of the ladder."""
        given = {
            Cause.MISSED_DATA: self.missed_data,
            Cause.PUBLICATION: self.publication_ms,
            Cause.LATENCY: self.latency,
            Cause.QUEUE: self.queue,
            Cause.FEES: self.fees,
        }
        return tuple([cause for cause in CAUSES if given.get(cause) is not None])


@exact
def session_of(journal: Sequence[Mapping[str, Any]], *, name: str) -> Session:
    """Return what a journal says of its session.

    Raises:
        ConfigurationError: It is empty, or money came or went, which no simulation plays.
    """
    if not journal:
        raise ConfigurationError(
            f"the journal {name} holds no decision", hint="name the journal of a session"
        )
    try:
        last = journal[-1]
        equity, net, flows = (
            Decimal(last["metrics"][one]) for one in ("equity_try", "net_try", "flows_try")
        )
        intents = [one for document in journal for one in document["intents"]]
        session = Session(
            sub(equity, net),
            equity,
            int(last["now_ms"]),
            frozenset([one["strategy"] for one in intents]),
            frozenset([one["symbol"] for one in intents if one["symbol"] is not None]),
        )
    except (ArithmeticError, LookupError, TypeError, ValueError) as error:
        raise ConfigurationError(
            f"{name} is no journal of decisions",
            hint="`backtest --journal` and `stage7-run --journal` write one",
        ) from error
    if flows:
        raise ConfigurationError(
            f"{flows:f} TRY came or went in {name}",
            hint="no simulation plays a deposit: take a session without one",
        )
    return session


def attribute_session(
    session: Session,
    dataset: Dataset,
    strategies: Sequence[str],
    facts: Facts,
    *,
    models: VenueModels = VenueModels(),  # noqa: B008 - a frozen value
    **options: Any,  # noqa: ANN401 - those of `Backtest`
) -> Attributed:
    """Simulate a session with more and more of what is known of it, and return every share.

    Args:
        session: What it ended with.
        dataset: The market as the simulation has it.
        strategies: Plug-ins, by name: those of the session.
        facts: What is known of it.
        models: What is assumed where nothing is known.
        options: Of `Backtest`; the capital and the end are those of the session.

    Raises:
        ConfigurationError: The session is of other strategies or pairs.
    """
    # A pair of another quote is simulated as one in TRY, and is called so in journals.
    pairs = {f"{one.rules.base}TRY" for one in dataset.pairs.values()} | set(dataset.pairs)
    for what, others in (
        ("strategies", session.strategies - set(strategies)),
        ("pairs", session.symbols - pairs),
    ):
        if others:
            raise ConfigurationError(
                f"the session has other {what}: {', '.join(sorted(others))}",
                hint=f"a session is compared with a simulation of the same {what}",
            )
    ends: list[int] = []

    def simulate(known: frozenset[Cause]) -> Decimal:
        played, assumed = _with(facts, known, dataset, models)
        run = Backtest(
            played,
            strategies,
            models=assumed,
            **{**options, "capital_try": session.opening_try, "to_ms": session.until_ms},
        ).run()
        ends.append(run.equity.times_ms[-1])
        return run.equity.amount(-1)

    found = attribute(simulate, real_try=session.equity_try, causes=facts.causes)
    return Attributed(found, ends[-1])


def _with(
    facts: Facts, known: frozenset[Cause], dataset: Dataset, models: VenueModels
) -> tuple[Dataset, VenueModels]:
    """Return the market and the exchange with these causes as they were in the session."""
    if Cause.MISSED_DATA in known and facts.missed_data is not None:
        dataset = facts.missed_data
    if Cause.PUBLICATION in known and facts.publication_ms is not None:
        models = replace(models, publication=Publication(delay_ms=facts.publication_ms))
    if Cause.LATENCY in known and facts.latency is not None:
        models = replace(models, latency=facts.latency)
    if Cause.QUEUE in known and facts.queue is not None:
        models = replace(models, queue=Queue(model=facts.queue, tape_ahead=models.queue.tape_ahead))
    if Cause.FEES in known and facts.fees is not None:
        table = FeeTable((facts.fees,))
        pairs = {symbol: replace(one, fees=table) for symbol, one in dataset.pairs.items()}
        dataset = replace(dataset, pairs=pairs)
    return dataset, models
