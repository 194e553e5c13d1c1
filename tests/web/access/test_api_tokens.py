"""API tokens: their pages, and authentication at the API."""

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hosting.accounts.models import Account
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.operation import Operation
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership
from hosting.teams.roles import Permission, Role
from hosting.teams.tokens import issuing
from hosting.teams.tokens import secrets as token_secrets
from hosting.teams.tokens.models import ApiToken
from hosting.teams.tokens.use import actor_for
from tests import factories

WHOAMI = "/api/v1/whoami"
SECRET = token_secrets.PATTERN


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def form(**values: object) -> dict[str, object]:
    return {"name": "deploy", "reach": "all", "days": "90", "permissions": ["operate"], **values}


# Authentication


def test_whoami_returns_the_permissions_and_accounts_of_the_token(
    client: Client, account: Account, owner: Membership
) -> None:
    factories.account(owner.team, label="Other")
    made = factories.new_token(owner, "deploy", Permission.OPERATE, accounts=[account])
    answer = client.get(WHOAMI, headers=bearer(made.secret))
    assert answer.json() == {
        "team": {"id": owner.team_id, "name": owner.team.name},
        "person": str(owner.user),
        "token": {
            "name": "deploy",
            "prefix": made.token.prefix,
            "expires_at": made.token.expires_at.isoformat(),
        },
        "permissions": ["view", "operate"],
        "accounts": [{"id": account.pk, "label": "Production", "handle": account.handle}],
    }
    assert "no-store" in answer["Cache-Control"]
    assert not answer.cookies


def test_whoami_names_no_person_for_a_team_token(client: Client, account: Account, owner: Membership) -> None:
    answer = client.get(WHOAMI, headers=bearer(factories.new_token(owner, personal=False).secret)).json()
    assert answer["person"] is None
    assert [each["id"] for each in answer["accounts"]] == [account.pk]


def test_every_invalid_token_gets_the_same_401_response(browser: Client, account: Account, owner: Membership) -> None:
    made = factories.new_token(owner)
    issuing.revoke(made.token, by=owner)
    wrong_network = factories.new_token(owner, allowed_from=["198.51.100.0/24"]).secret
    never = token_secrets.new(token_secrets.PERSONAL)
    answers = [
        # The API ignores the session of `browser`.
        browser.get(WHOAMI, headers={"Authorization": header})
        for header in (
            f"Bearer {made.secret}",
            f"Bearer {wrong_network}",
            f"Bearer {never}",
            "Bearer x",
            "Basic eDp4",
            "x",
        )
    ]
    assert {(answer.status_code, answer.content) for answer in answers} == {(401, answers[0].content)}
    assert {answer["WWW-Authenticate"] for answer in answers} == {'Bearer realm="Sharedeck", error="invalid_token"'}
    assert all("no-store" in answer["Cache-Control"] and not answer.cookies for answer in answers)
    without = browser.get(WHOAMI)
    assert (without.status_code, without["WWW-Authenticate"]) == (401, 'Bearer realm="Sharedeck"')


def test_tokens_in_the_query_string_or_form_are_ignored(client: Client, owner: Membership) -> None:
    secret = factories.new_token(owner).secret
    for name in ("token", "access_token", "Authorization"):
        assert client.get(WHOAMI, {name: secret}).status_code == 401
        assert client.post(WHOAMI, {name: secret}).status_code == 405


def test_invalid_tokens_are_rate_limited_without_blocking_valid_ones(client: Client, owner: Membership) -> None:
    cache.clear()
    good = factories.new_token(owner).secret
    answers = [client.get(WHOAMI, headers=bearer("sdk_p_nonsense")) for _try in range(31)]
    assert [answer.status_code for answer in answers] == [401] * 30 + [429]
    assert answers[-1]["Retry-After"]
    assert client.get(WHOAMI, headers=bearer(good)).status_code == 200
    assert client.get(WHOAMI, headers=bearer("x"), REMOTE_ADDR="192.0.2.77").status_code == 401


# The pages


@pytest.mark.parametrize("personal", [True, False])
def test_token_secret_is_shown_once_and_not_stored(
    browser: Client, account: Account, owner: Membership, personal: bool, caplog: pytest.LogCaptureFixture
) -> None:
    new = reverse("my_token_new" if personal else "team_token_new", args=[owner.team_id])
    made = browser.post(new, form(reach="some", accounts=[account.pk], networks="127.0.0.0/8\n::1"))
    assert made.status_code == 200
    assert "no-store" in made["Cache-Control"]
    (secret,) = set(SECRET.findall(made.content.decode()))
    token = ApiToken.objects.get()
    assert token.is_personal is personal
    assert (token.permissions, token.networks) == (["view", "operate"], ["127.0.0.0/8", "::1/128"])
    assert browser.get(WHOAMI, headers=bearer(secret)).status_code == 200
    # Submitting the form again shows no secret and creates no second token.
    again = browser.post(new, form())
    assert again.status_code == 422
    assert "token with this name already exists" in again.content.decode()
    pages = [browser.get(url) for url in (new, reverse("my_tokens"), reverse("team_tokens", args=[owner.team_id]))]
    kept = "".join(page.content.decode() for page in [again, *pages])
    kept += repr(dict(browser.session)) + repr(list(AuditEntry.objects.values())) + caplog.text
    assert secret not in kept
    assert token.prefix in kept


def test_invalid_token_form_keeps_the_input(browser: Client, account: Account, owner: Membership) -> None:
    new = reverse("my_token_new", args=[owner.team_id])
    for values, words in (
        ({"networks": "192.0.2.0/24 nonsense"}, "“<bdi>nonsense</bdi>” isn&#x27;t a valid network"),
        ({"reach": "some"}, "Choose at least one account"),
        ({"name": ""}, "This field is required"),
    ):
        page = browser.post(new, form(**{"name": "nightly", **values}))
        assert page.status_code == 422
        assert words in page.content.decode()
    assert 'value="operate"' in page.content.decode()
    assert re.search(r'value="operate"[^>]*checked|checked[^>]*value="operate"', page.content.decode())
    assert not ApiToken.objects.exists()


def test_token_form_offers_only_what_its_creator_holds(client: Client, account: Account, owner: Membership) -> None:
    other = factories.account(owner.team, label="Elsewhere")
    member = factories.member(Role.OPERATOR_WITHOUT_DELETE, of=owner.team)
    member.narrowed = True
    member.save()
    member.accounts.set([account])
    client.force_login(member.user)
    new = reverse("my_token_new", args=[owner.team_id])
    page = client.get(new).content.decode()
    assert 'value="operate"' in page
    assert 'value="delete"' not in page
    assert "Elsewhere" not in page
    for values in (
        {"permissions": ["delete"]},
        {"permissions": ["approve"]},
        {"reach": "some", "accounts": [other.pk]},
    ):
        assert client.post(new, form(**values)).status_code == 422
    assert not ApiToken.objects.exists()


def test_members_see_their_own_tokens_and_managers_all_of_the_team(
    client: Client, account: Account, owner: Membership
) -> None:
    member = factories.member(Role.OPERATOR, of=owner.team)
    factories.new_token(member, "of the member")
    factories.new_token(owner, "of the owner")
    factories.token(owner, "of the team")
    factories.new_token(factories.member(person=member.user), "of another team")
    client.force_login(member.user)
    page = client.get(reverse("my_tokens")).content.decode()
    assert "of the member" in page
    assert "of another team" in page
    assert "of the owner" not in page
    assert "of the team<" not in page
    assert client.get(reverse("team_tokens", args=[owner.team_id])).status_code == 403
    client.force_login(owner.user)
    page = client.get(reverse("team_tokens", args=[owner.team_id])).content.decode()
    for name in ("of the member", "of the owner", "of the team"):
        assert f"<strong><bdi>{name}</bdi></strong>" in page
    assert "of another team" not in page


def test_team_token_page_marks_tokens_whose_creator_has_left(browser: Client, owner: Membership) -> None:
    admin = factories.member(Role.ADMIN, of=owner.team)
    factories.token(admin, "ci")
    page = reverse("team_tokens", args=[owner.team_id])
    assert "This person has left the team" not in browser.get(page).content.decode()
    admin.delete()
    assert "This person has left the team" in browser.get(page).content.decode()


def test_revoking_a_token_needs_confirmation(client: Client, account: Account, owner: Membership) -> None:
    member = factories.member(Role.OPERATOR, of=owner.team)
    own, others = factories.new_token(member, "own"), factories.token(owner)
    url = reverse("token_revoke", args=[owner.team_id, own.token.pk])
    client.force_login(member.user)
    assert client.post(reverse("token_revoke", args=[owner.team_id, others.pk])).status_code == 403
    assert "Revoke token “own”" in client.get(url).content.decode()
    assert client.get(WHOAMI, headers=bearer(own.secret)).status_code == 200
    answer = client.post(url)
    assert (answer.status_code, answer["Location"]) == (303, reverse("my_tokens"))
    assert client.get(WHOAMI, headers=bearer(own.secret)).status_code == 401
    assert "Revoked" in client.get(reverse("my_tokens")).content.decode()
    # The URL of another team does not reach the token, even if the member owns that team.
    mine = factories.member(person=member.user)
    assert client.post(reverse("token_revoke", args=[mine.team_id, others.pk])).status_code == 404


def test_person_without_a_team_can_open_the_token_page(client: Client, db: None) -> None:
    client.force_login(factories.user())
    assert client.get(reverse("my_tokens")).status_code == 200


def test_former_member_sees_that_their_tokens_of_the_team_have_ended(
    client: Client, account: Account, owner: Membership
) -> None:
    member = factories.member(Role.OPERATOR, of=owner.team)
    factories.new_token(member, "orphan")
    Membership.objects.filter(pk=member.pk).delete()
    client.force_login(member.user)
    page = client.get(reverse("my_tokens")).content.decode()
    assert "orphan" in page
    assert "No longer a member" in page
    assert "/revoke/" not in page


def test_token_lists_use_a_fixed_number_of_queries(
    browser: Client, account: Account, owner: Membership, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(6):
        factories.new_token(owner, f"own {number}", accounts=[account])
        factories.token(factories.member(of=owner.team), f"team {number}", accounts=[account])
    ApiToken.objects.filter(name="own 1").update(expires_at=timezone.now() - timedelta(days=1))
    with django_assert_max_num_queries(9):
        browser.get(reverse("my_tokens"))
    with django_assert_max_num_queries(9):
        browser.get(reverse("team_tokens", args=[owner.team_id]))


def test_pages_name_the_token_that_requested_an_operation(browser: Client, account: Account, owner: Membership) -> None:
    for personal, words in ((False, "token “ci”"), (True, f"{owner.user} via token “ci”")):
        secret = factories.new_token(owner, "ci", Permission.OPERATE, personal=personal).secret
        actor = actor_for(secret, address="192.0.2.7")
        operation = submit(catalogue.StopVm(vm_id=factories.vm(account).remote_id), account=account, by=actor)
        for url in (
            reverse("operation", args=[account.pk, operation.pk]),
            reverse("operations", args=[account.pk]),
            reverse("dashboard", args=[account.pk]),
            reverse("operations", args=[account.pk]) + "?format=csv",
        ):
            response = browser.get(url)
            content = b"".join(response) if response.streaming else response.content
            assert words in content.decode(), url
        Operation.objects.all().delete()
