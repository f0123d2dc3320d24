"""The options of a local exchange: what makes one, what does not, and the way to a child."""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import Any

import pytest

from btcturk_kit.errors import ConfigurationError
from btcturk_kit.sandbox.access import Permission
from btcturk_kit.sandbox.address import ClockKind
from btcturk_kit.sandbox.listening import checked_host, listen, listen_all, port_of, url_host
from btcturk_kit.sandbox.running_clock import RunningClock
from btcturk_kit.sandbox.setup import Account, ExchangeSetup, amounts_of


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"ports": 2}, "1 port or 3, not 2"),
        ({"ports": 1, "ws_port": 9}, "none of their own"),
        ({"start_ms": -5}, "the market cannot begin at -5"),
        ({"speed": 0}, "the speed is 0"),
        ({"speed": 2}, "a virtual clock has no speed"),
        ({"start_ms": -1}, "the market cannot begin at -1"),
        ({"start_ms": 253_370_764_800_000}, "cannot begin at 253370764800000"),
        ({"balances": {"TRY": -1}}, "'TRY=-1' is not ASSET=AMOUNT"),
        ({"balances": ["TRY=x"]}, "'TRY=x' is not ASSET=AMOUNT with an amount from 0 on"),
        ({"balances": "TRY=1"}, "balances are a list, not the text 'TRY=1'"),
        ({"pairs": "BTCTRY"}, "pairs are a list, not the text 'BTCTRY'"),
        ({"quirks": "stop_trigger=touch"}, "quirks are a list, not the text"),
        ({"clock": "weird"}, "there is no clock 'weird'"),
        ({"balances": ["TRY=1", "try=2"]}, "'try=2': TRY comes twice"),
        ({"accounts": [Account(api_key="a", api_secret="AAAA", balances=["x"])]}, "'x' is not"),
        ({"quirks": ["stop_triger=touch"]}, "there is no quirk 'stop_triger'"),
        ({"quirks": {"stop_trigger": "never"}}, "has no reading 'never'"),
        ({"host": "0.0.0.0"}, "other machines would reach"),  # noqa: S104 - refused
        ({"host": "::"}, "other machines would reach"),
        ({"host": "192.168.1.4"}, "other machines would reach"),
        ({"host": "example.com"}, "it is not an IP address"),
    ],
)
def test_options_that_make_no_exchange(options: dict[str, Any], text: str) -> None:
    """One line says which option cannot be, before anything is opened."""
    with pytest.raises(ConfigurationError, match=text):
        ExchangeSetup(**options)


def test_a_clock_may_be_given_by_its_name() -> None:
    """What a command line takes, code may write too."""
    assert ExchangeSetup(clock="real").clock is ClockKind.REAL


def test_another_machine_must_be_asked_for() -> None:
    """With the word every IP address will do; loopback of either kind needs none."""
    everywhere = "0.0.0.0"  # noqa: S104 - what is tested
    assert ExchangeSetup(host=everywhere, allows_other_machines=True).host == everywhere
    assert checked_host("127.8.8.8") == "127.8.8.8"
    assert ExchangeSetup(host="::1").host == "::1"
    assert [url_host(one) for one in (everywhere, "::", "127.8.8.8")] == [
        "127.0.0.1",
        "[::1]",
        "127.8.8.8",
    ]


def test_what_a_child_reads_is_what_was_written() -> None:
    """Every option survives, those of accounts too."""
    written = ExchangeSetup(
        clock=ClockKind.REAL,
        speed=60,
        seed=9,
        start_ms=5,
        pairs=("BTCTRY",),
        balances={"TRY": Decimal("0.5")},
        accounts=[
            Account(
                api_key="bob",
                api_secret="AAAA",
                balances=["BTC=2"],
                fee_level=3,
                permissions=[Permission.FUNDS],
                addresses=["::1"],
            ),
            Account(api_key="eve", api_secret="AAAA", balances=MappingProxyType({"TRY": 1})),
        ],
        quirks={"stop_trigger": "touch"},
        rate_windows=False,
        ports=1,
        port=8080,
        control_port=8081,
    )
    read = ExchangeSetup.from_json(written.to_json())
    assert read.to_json() == written.to_json()
    assert read.clock is ClockKind.REAL
    assert amounts_of(read.balances) == {"TRY": Decimal("0.5")}
    assert read.accounts[0].permissions == [Permission.FUNDS]
    assert set(read.accounts[1].permissions) == set(Permission)
    assert amounts_of(read.accounts[1].balances) == {"TRY": Decimal(1)}
    assert read.readings().stop_trigger == "touch"
    plain = ExchangeSetup()
    assert ExchangeSetup.from_json(plain.to_json()).to_json() == plain.to_json()


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"clock": "virtual", "balances": null}'])
def test_what_is_no_setup_is_refused(text: str) -> None:
    """Half a document is not completed."""
    with pytest.raises(ConfigurationError, match="not the setup"):
        ExchangeSetup.from_json(text)


def test_an_account_in_a_line() -> None:
    """Key, secret and, if given, what it owns; what is something else is not repeated."""
    assert Account.of("ann:QUFBQQ==").balances == ()
    ann = Account.of("ann:QUFBQQ==:TRY=5,BTC=0.5")
    assert amounts_of(ann.balances) == {"TRY": Decimal(5), "BTC": Decimal("0.5")}
    for text in ("ann", "ann:", ":hidden", "ann:hidden:TRY=1:more"):
        with pytest.raises(ConfigurationError, match="KEY:SECRET") as caught:
            Account.of(text)
        assert "hidden" not in caught.value.message


def test_a_running_clock_runs_at_its_speed() -> None:
    """Market time starts where it is told and runs faster; a publication has a least pause."""
    machine = [1_000]
    hurried = RunningClock(start_ms=50_000, speed=60, machine_ms=lambda: machine[0])
    plain = RunningClock(machine_ms=lambda: machine[0])
    assert (hurried.now_ms(), plain.now_ms()) == (50_000, 1_000)
    machine[0] += 500
    assert (hurried.now_ms(), plain.now_ms()) == (80_000, 1_500)
    assert hurried.seconds_of(60_000) == 1.0
    assert hurried.push_pause_s(80_000 + 6_000) == 0.1
    assert hurried.push_pause_s(80_764) == 0.02  # fifty times in a second at most
    assert plain.push_pause_s(1_510) == 0.01
    assert plain.push_pause_s(1_000) == 0.0  # overdue
    with pytest.raises(ConfigurationError, match="0 times the speed"):
        RunningClock(speed=0)


def test_named_ports_are_taken_before_free_ones_are_picked() -> None:
    """All come in the order that was asked for; if one is taken, none stays open."""
    with listen(0) as probe:
        number = port_of(probe)
        with pytest.raises(ConfigurationError, match="is in use"):
            listen_all([0, number])
    listeners = listen_all([0, number, 0])
    try:
        ports = [port_of(one) for one in listeners]
        assert ports[1] == number
        assert len(set(ports)) == 3
    finally:
        for one in listeners:
            one.close()


def test_a_port_that_may_not_be_used_is_one_line() -> None:
    """A port in use names itself; an address that is not this machine's is refused too."""
    with listen(0) as first, pytest.raises(ConfigurationError, match="is in use"):
        listen(port_of(first))
    with pytest.raises(ConfigurationError, match="cannot listen on port 0 of "):
        listen(0, host="203.0.113.1")
