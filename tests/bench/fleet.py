"""Customers of the provider with many servers, and their accounts in the panel."""

from hosting.accounts.models import Account, Endpoint
from hosting.accounts.sealing import seal
from hosting.teams.models import Membership
from tests import factories
from tests.processes import Provider
from tests.stack import Remote

PASSWORD = "passw0rd-of-the-bench"


def add(provider: Provider, handle: str, vms: int) -> None:
    """A customer with that many running servers, each with its system disk and nothing else."""
    provider.shell(
        "from hosting.provider.seed import add_handle, seed_fleet\n"
        f"add_handle({handle!r}, 'Bench', '1000.00', {PASSWORD!r})\n"
        f"seed_fleet({handle!r}, {vms}, 0)"
    )


def add_empty(provider: Provider, handles: list[str]) -> None:
    """Customers with nothing but money."""
    provider.shell(
        "from hosting.provider.seed import add_handle\n"
        f"for handle in {handles!r}: add_handle(handle, 'Bench', '100.00', {PASSWORD!r})"
    )


def naive_client(provider: Provider, handle: str) -> Remote:
    return Remote(provider.url, handle, PASSWORD)


def account(provider: Provider, handle: str, owner: Membership) -> Account:
    """The customer's account in the panel, of which nothing was read yet."""
    endpoint, _ = Endpoint.objects.get_or_create(url=provider.url, defaults={"name": "Bench"})
    return Account.objects.create(
        team=owner.team,
        endpoint=endpoint,
        label="Bench",
        login=handle,
        handle=handle,
        sealed_password=seal(PASSWORD),
    )


def owner() -> Membership:
    return factories.member()
