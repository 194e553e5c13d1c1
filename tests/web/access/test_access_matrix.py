"""Requests every URL of the panel as every kind of visitor and compares the answers with the access matrix."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.contrib.auth import SESSION_KEY
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver
from django.utils import timezone

from hosting.accounts.models import Account
from hosting.teams.models import Membership
from hosting.teams.roles import Role
from tests import factories
from tests.web.access.access_matrix import ACCESS, OF_ACCOUNT, OF_TEAM, Access, Holder, Rule, Who
from tests.web.browsing import Page, every_other_page, every_page

NOT_FOUND, REFUSED, NO_METHOD, SIGN_IN, SECOND_FACTOR, IN = "404", "403", "405", "sign in", "second factor", "in"


def patterns(found: list[URLPattern | URLResolver] | None = None) -> Iterator[URLPattern]:
    """Every pattern of the URLconf."""
    for each in get_resolver().url_patterns if found is None else found:
        if isinstance(each, URLResolver):
            yield from patterns(each.url_patterns)
        else:
            yield each


def test_every_url_pattern_has_one_row_in_the_access_matrix() -> None:
    assert {str(pattern.name) for pattern in patterns()} == set(ACCESS)


@dataclass
class Scene:
    """The pages of an account and its team, and the owner who requests them."""

    owner: Membership
    account: Account
    pages: list[Page]


@pytest.fixture
def scene(owner: Membership, account: Account) -> Scene:
    return Scene(owner, account, every_page(account, owner))


def answer(client: Client, method: str, url: str) -> str:
    """The answer to a request in one word; the request's changes are rolled back."""
    with transaction.atomic():
        response: HttpResponse = getattr(client, method)(url)
        transaction.set_rollback(True)
    assert response.status_code < 500, url
    if response.status_code in {302, 303}:
        for path, word in (("/auth/login/", SIGN_IN), ("/auth/2fa/", SECOND_FACTOR)):
            if response["Location"].startswith(path):
                return word
    return str(response.status_code) if response.status_code in {403, 404, 405} else IN


def check(browser: Client | Callable[[], Client], pages: list[Page], expected: Callable[[Page, Rule], str]) -> None:
    """Send a GET and a POST to every page, with one client or with the one that `browser` returns for each request."""
    wrong = []
    for page in pages:
        access: Access = ACCESS[page.name]
        for method, rule in (("get", access.get), ("post", access.post)):
            wanted = NO_METHOD if rule is Who.NO_METHOD else expected(page, rule)
            client = browser if isinstance(browser, Client) else browser()
            got = answer(client, method, page.url)
            if got != wanted and not (rule is Who.ANYBODY and got == SIGN_IN):
                wrong.append(f"{method} {page.name}: {got}, not {wanted}")
    assert not wrong, "\n".join(wrong)


def signed_in(member: Membership) -> Client:
    client = Client()
    client.force_login(member.user)
    return client


def always_signed_in(member: Membership) -> Callable[[], Client]:
    """Gives a client that is signed in, also after a page that ended its session."""
    client = signed_in(member)

    def current() -> Client:
        nonlocal client
        if SESSION_KEY not in client.session:
            client = signed_in(member)
        return client

    return current


def test_anonymous_visitors_are_redirected_to_sign_in(scene: Scene) -> None:
    # What they post is kept in a session, which is rolled back with everything else.
    check(Client, scene.pages, lambda page, rule: SIGN_IN)


@pytest.mark.parametrize("role", Role.values)
def test_role_reaches_the_pages_its_permissions_allow(scene: Scene, role: str) -> None:
    member = scene.owner if role == Role.OWNER else factories.member(role, of=scene.owner.team)

    def expected(page: Page, rule: Rule) -> str:
        return IN if isinstance(rule, Holder) and rule.lets_in(role) else REFUSED

    check(signed_in(member), scene.pages, expected)


@pytest.mark.parametrize("role", [role for role in Role.values if role != Role.OWNER])
def test_role_narrowed_to_another_account_reaches_no_page_of_this_account(scene: Scene, role: str) -> None:
    member = factories.member(role, of=scene.owner.team, narrowed=True)
    member.accounts.add(factories.account(scene.owner.team))

    def expected(page: Page, rule: Rule) -> str:
        if page.name in OF_ACCOUNT:
            return NOT_FOUND
        return IN if isinstance(rule, Holder) and rule.lets_in(role) and not rule.for_all else REFUSED

    check(signed_in(member), scene.pages, expected)


def test_member_of_another_team_gets_not_found(scene: Scene) -> None:
    stranger = factories.member()
    factories.account(stranger.team)
    check(signed_in(stranger), scene.pages, lambda page, rule: NOT_FOUND)


def test_removed_member_gets_not_found(scene: Scene) -> None:
    member = factories.member(of=scene.owner.team)
    client = signed_in(member)
    assert answer(client, "get", scene.pages[0].url) == IN
    member.delete()
    check(client, scene.pages, lambda page, rule: NOT_FOUND)


def test_person_without_required_second_factor_is_redirected_to_set_one_up(scene: Scene) -> None:
    team = scene.owner.team
    team.two_factor_since, team.grace_days = timezone.now() - timedelta(days=1), 0
    team.save()
    check(signed_in(scene.owner), scene.pages, lambda page, rule: SECOND_FACTOR)


@pytest.fixture
def other_pages(db: None) -> list[Page]:
    return every_other_page(name for name in ACCESS if name not in OF_ACCOUNT | OF_TEAM)


def test_anonymous_visitors_reach_only_public_pages(other_pages: list[Page]) -> None:
    def expected(page: Page, rule: Rule) -> str:
        if rule is Who.NOBODY:
            return NOT_FOUND
        return IN if rule is Who.ANYBODY else SIGN_IN

    check(Client, other_pages, expected)


@pytest.mark.parametrize("role", Role.values)
def test_every_role_reaches_the_personal_pages(other_pages: list[Page], role: str) -> None:
    def expected(page: Page, rule: Rule) -> str:
        if rule in {Who.NOBODY, Who.HAS_ONE}:
            return NOT_FOUND
        return REFUSED if isinstance(rule, Holder) and not rule.lets_in(role) else IN

    member = factories.member(role)
    # Without one there is nothing to prove who it is.
    member.user.set_password(factories.PASSWORD)
    member.user.save()
    check(always_signed_in(member), other_pages, expected)
