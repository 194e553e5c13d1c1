"""The panel works out dates, amounts and pauses itself: they are those of the provider, in every case."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction

from hypothesis import given, settings
from hypothesis import strategies as st

from hosting.inventory.capacity import Amounts
from hosting.inventory.expiry_impact import Fleet, Impact, Server, renewed
from hosting.operations.costs import estimates
from hosting.operations.costs.estimates import Price
from hosting.provider.rules import fitting, products, values
from hosting.provider.rules.periods import add_months
from tests.fuzzing import examples

moments = st.datetimes(datetime(2000, 1, 1), datetime(2060, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001
prices = st.decimals("0.0001", "999", places=4)
quantities = st.integers(1, 4096)
durations = st.integers(1, 60).map(lambda months: f"{months}m") | st.integers(1, 5).map(lambda years: f"{years}y")


def months_of(duration: str) -> int:
    return int(duration[:-1]) * (12 if duration[-1] == "y" else 1)


@settings(max_examples=examples(500))
@given(
    bought=moments,
    duration=durations,
    more=durations,
    quantity=quantities,
    wanted=quantities,
    paid=prices,
    price=prices,
    part=st.floats(0, 1.1),
)
def test_estimates_are_what_the_provider_charges(
    bought: datetime,
    duration: str,
    more: str,
    quantity: int,
    wanted: int,
    paid: Decimal,
    price: Decimal,
    part: float,
) -> None:
    end = add_months(bought, months_of(duration), bought.day)
    now = bought + (end - bought) * part
    terms = products.Terms(quantity, end, paid, bought.day)
    today = Price(Fraction(price), "EUR", bought)
    for kind, params, estimate in (
        (products.ADD, {"duration": more}, estimates.paid(today, quantity, months_of(more))),
        (products.RENEW, {"duration": more}, estimates.paid(today, quantity, months_of(more))),
        (products.UPDATE, {"quantity": wanted}, _changed(today, terms, wanted, now)),
        (products.REMOVE, {}, _changed(today, terms, 0, now)),
    ):
        assert estimate.amount == products.cost(kind, terms, params, price, now), kind
    after = products.after(products.RENEW, terms, {"duration": more}, price)
    assert renewed(end, months_of(more), bought.day) == after.date_end


def _changed(today: Price, terms: products.Terms, wanted: int, now: datetime) -> estimates.Estimate:
    return estimates.changed(
        today,
        terms.quantity,
        wanted,
        terms.date_end,
        now,
        anchor_day=terms.anchor_day,
        least_paid=Fraction(terms.unit_price),
    )


@settings(max_examples=examples(500))
@given(sizes=st.lists(st.tuples(st.integers(1, 8), st.integers(256, 2048)), max_size=12), granted=st.integers(0, 60))
def test_the_servers_said_to_be_paused_are_those_that_the_provider_pauses(
    sizes: Sequence[tuple[int, int]], granted: int
) -> None:
    """Given newest first, as shares and the memory up to which a server may grow."""
    servers = [
        Server(number, f"web-{number}", shares, min(shares * values.SHARE_MEMORY_MB, limit))
        for number, (shares, limit) in enumerate(sizes)
    ]
    running = Amounts(
        shares=sum(server.shares for server in servers), memory_mb=sum(server.memory_mb for server in servers)
    )
    pool = Amounts(shares=granted, memory_mb=granted * values.SHARE_MEMORY_MB)
    said = [server.remote_id for server in Fleet(servers, running).paused_by(Impact(pool, running))]
    excess = sum(server.shares for server in servers) - granted
    paused = fitting.to_pause(((server.remote_id, server.shares) for server in servers), excess)
    assert said == paused
    left = [server for server in servers if server.remote_id not in paused]
    assert sum(server.shares for server in left) <= granted or not left
    back = fitting.to_start(
        ((server.remote_id, server.shares) for server in reversed(servers) if server.remote_id in paused),
        granted - sum(server.shares for server in left),
    )
    assert back == [] or excess <= 0, "what was paused does not start again before there are more shares"
