"""Fixtures for the security tests."""

from dataclasses import dataclass

import pytest
from django.test import Client

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from tests import factories
from tests.web.access.access_matrix import ACCESS, OF_ACCOUNT, OF_TEAM
from tests.web.browsing import Page, every_other_page, every_page
from tests.web.conftest import account, browser, owner, quick_and_uncollected, signing_in_proves

__all__ = ["account", "browser", "owner", "quick_and_uncollected", "signing_in_proves"]


@pytest.fixture
def pages(account: Account, owner: Membership) -> list[Page]:
    """One URL for each pattern of the panel, with objects of the owner's account."""
    return every_page(account, owner) + every_other_page(name for name in ACCESS if name not in OF_ACCOUNT | OF_TEAM)


@dataclass
class Other:
    """Another team with one object of every kind."""

    member: Membership
    account: Account
    pages: list[Page]


@pytest.fixture
def other(db: None) -> Other:
    member = factories.member()
    theirs = factories.account(member.team, label="Somebody else's")
    return Other(member, theirs, every_page(theirs, member))

    """Not signed in."""
    return Client()
