"""The command `attribute`: a session and its simulation, over data that comes with the package."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from tests.cli.commands import called, document_of, environment

from btcturk_kit.adapters.dataset_files import read_dataset, write_dataset
from btcturk_kit.adapters.journal_file import JournalFile
from btcturk_kit.cli.attribute import facts_of
from btcturk_kit.compose.backtest import Backtest
from btcturk_kit.compose.kits import build_profile
from btcturk_kit.domain.datasets import Dataset, FeeLevel, FeeTable
from btcturk_kit.errors import ConfigurationError
from btcturk_kit.reporting.cycle_document import CycleDocuments
from btcturk_kit.settings import Settings
from btcturk_kit.simulation.chance import Span
from btcturk_kit.simulation.latency import Latency
from btcturk_kit.simulation.venue_models import Publication, Queue, VenueModels

HOURS = "sample:btctry-hours"
SPAN = ("--from", "2024-02-01", "--to", "2024-02-20")
QUICK = ("--set", "fast_bars=2", "--set", "slow_bars=6", "--set", "entry_offset_ratio=0.001")
OF_HOURS = ("--strategy", "trend", *SPAN[:2], *QUICK)


def charged(dataset: Dataset, maker: str, taker: str) -> Dataset:
    """Return a dataset with other rates."""
    table = FeeTable((FeeLevel(0, Decimal(maker), Decimal(taker), Decimal("0.20")),))
    pairs = {symbol: replace(one, fees=table) for symbol, one in dataset.pairs.items()}
    return replace(dataset, pairs=pairs)


def halved(dataset: Dataset) -> Dataset:
    """Return a dataset with every second trade: its recorder missed the others."""
    pairs = {}
    for symbol, one in dataset.pairs.items():
        tape = one.trades
        assert tape is not None
        kept = replace(
            tape,
            **{
                name: getattr(tape, name)[::2]
                for name in ("times_ms", "price", "quantity", "is_buy")
            },
        )
        pairs[symbol] = replace(one, trades=kept)
    return replace(dataset, pairs=pairs)


def shares_of(document: Mapping[str, Any]) -> dict[str, Decimal]:
    """Return the shares of a document, after adding them up."""
    found = {one["cause"]: Decimal(one["difference_try"]) for one in document["shares"]}
    assert sum(found.values()) == Decimal(document["difference_try"])
    return found


@pytest.fixture(scope="module")
def session(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a session whose exchange took more than the sample says."""
    folder = tmp_path_factory.mktemp("session")
    write_dataset(charged(read_dataset(HOURS), "0.0030", "0.0040"), folder / "dear")
    run = called(
        "backtest", "dear", "--strategy", "trend", *SPAN, *QUICK, "--journal", "session.jsonl",
        env=environment(folder), cwd=folder,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    return folder


def test_a_session_that_paid_other_rates_is_explained_to_the_last_digit(session: Path) -> None:
    """With the fact of its rates nothing is left; the shares lead from one end to the other."""
    words = ("attribute", HOURS, "session.jsonl", *OF_HOURS, "--fact", "fees=0.0030:0.0040:0.20")
    run = called(*words, "--json", env=environment(session), cwd=session)
    assert run.returncode == 0, run.stderr
    document = document_of(run)
    assert (document["schema"], document["opening_try"]) == ("attribution/1", "100000")
    assert document["simulated_until_ms"] == document["until_ms"]
    shares = shares_of(document)
    assert list(shares) == ["fees", "rest"]
    assert shares["fees"] < 0 == shares["rest"]
    text = called(*words, env=environment(session), cwd=session)
    assert [line.split()[0] for line in text.stdout.splitlines()] == [
        "simulated", "fees", "rest", "session",
    ]  # fmt: skip


def test_what_is_not_known_is_in_the_rest(session: Path) -> None:
    """A fact that changes nothing has a share of nothing, and is given no other's."""
    words = ("attribute", HOURS, "session.jsonl", *OF_HOURS, "--fact", "queue=proportional")
    shares = shares_of(document_of(called(*words, "--json", env=environment(session), cwd=session)))
    assert shares["queue"] == 0
    assert shares["rest"] < 0


def test_every_fact_has_its_rung(tmp_path: Path) -> None:
    """A session on a book: late news, slow orders, another queue, other rates, more of the data.

    The simulation has every second trade only, and is told of one fact after the other.
    """
    env = environment(tmp_path)
    whole = read_dataset("sample:btcusdt-book")
    write_dataset(halved(whole), tmp_path / "half")
    settings = Settings(_env_file=None)
    profile = build_profile(settings, "backtest", tuple(whole.pairs))
    parameters = {
        "fast_bars": "2",
        "slow_bars": "4",
        "entry_offset_ratio": "0.00001",
        "band_ratio": "0.000001",
    }
    documents = CycleDocuments(settings.risk_policy().limits)
    models = VenueModels(
        publication=Publication(delay_ms=1_500),
        latency=Latency(submit_ms=Span(900, 2_501), cancel_ms=Span(300, 301)),
        queue=Queue(model="proportional"),
    )
    with JournalFile(tmp_path / "real.jsonl", document_of=documents.document) as note:
        run = Backtest(
            charged(whole, "0.0001", "0.0002"), ["trend"], models=models, parameters=parameters,
            seed=4, interval_ms=1_000, profile=profile, on_decision=note,
        ).run()  # fmt: skip
    assert run.fills
    facts = (
        "missed_data=sample:btcusdt-book", "publication=1500", "latency=900-2500:300",
        "queue=proportional", "fees=0.0001:0.0002",
    )  # fmt: skip
    found = called(
        "attribute", "half", "real.jsonl", "--strategy", "trend",
        *(word for one in parameters.items() for word in ("--set", "=".join(one))),
        "--interval-seconds", "1", "--seed", "4", "--json",
        *(word for fact in facts for word in ("--fact", fact)),
        env=env, cwd=tmp_path,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    shares = shares_of(document_of(found))
    assert list(shares) == ["missed_data", "publication", "latency", "queue", "fees", "rest"]
    assert shares["rest"] == 0
    for cause in ("missed_data", "publication", "latency", "fees"):
        assert shares[cause], cause


@pytest.mark.parametrize(
    "texts",
    [
        ["luck=1"], ["fees"], ["fees="], ["queue=proportional", "queue=proportional"],
        ["queue=fair"], ["publication=soon"], ["publication=-1"], ["latency=5"], ["latency=9-2:5"],
        ["latency=a:b"], ["fees=0.1"], ["fees=1:1"], ["fees=a:b"], ["fees=NaN:0"],
        ["fees=0.1:0.1:0.1:0.1"],
    ],
)  # fmt: skip
def test_a_fact_that_cannot_be_is_refused(texts: list[str]) -> None:
    """One line that says how facts are written."""
    with pytest.raises(ConfigurationError, match="--fact") as caught:
        facts_of(texts)
    assert "fees=MAKER:TAKER" in str(caught.value.hint)
