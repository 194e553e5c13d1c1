"""API tokens in the domain layer: a token never holds more than its creator or its owner."""

import uuid
from datetime import timedelta

import pytest
from allauth.mfa.models import Authenticator
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from hosting.accounts.models import Account
from hosting.annotations import saved_views
from hosting.operations.bulk import control as bulks
from hosting.operations.bulk.advance import advance as advance_bulk
from hosting.operations.kinds import catalogue
from hosting.operations.lifecycle.submit import submit
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.operation import Operation
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team
from hosting.teams.rejection import Invalid
from hosting.teams.roles import NotAllowedError, Permission, Role
from hosting.teams.tokens import issuing
from hosting.teams.tokens import lists as token_lists
from hosting.teams.tokens import secrets as token_secrets
from hosting.teams.tokens.models import ApiToken
from hosting.teams.tokens.use import BadTokenError, Standing, actor_for, as_requester
from tests import factories

HERE = "192.0.2.7"


@pytest.fixture
def owner(db: None) -> Membership:
    return factories.member(Role.OWNER)


def refusal(secret: str, address: str = HERE) -> str:
    """The reason why the token is refused."""
    with pytest.raises(BadTokenError) as refused:
        actor_for(secret, address=address)
    return refused.value.reason


def narrowed(role: str, *accounts: Account) -> Membership:
    """A member whose role is narrowed to these accounts."""
    member = factories.member(role, of=accounts[0].team)
    member.narrowed = True
    member.save()
    member.accounts.set(accounts)
    return member


# Format of the secret


def test_token_secret_matches_the_scanner_pattern_and_has_a_checksum() -> None:
    secret = token_secrets.new(token_secrets.PERSONAL)
    assert token_secrets.PATTERN.fullmatch(secret)
    assert token_secrets.is_well_formed(secret)
    assert secret != token_secrets.new(token_secrets.PERSONAL)
    other = "A" if secret[20] != "A" else "B"
    for wrong in (secret[:20] + other + secret[21:], secret.replace("_p_", "_t_"), secret[:-1], f"{secret}\n", ""):
        assert not token_secrets.is_well_formed(wrong)


def test_token_row_does_not_contain_the_secret(owner: Membership) -> None:
    made = factories.new_token(owner)
    row = ApiToken.objects.filter(pk=made.token.pk).values().get()
    assert made.secret not in repr(row) + repr(made)
    assert made.secret.startswith(row["prefix"])
    assert len(row["prefix"]) < 16


# Creating tokens


def test_token_cannot_hold_more_than_its_creator(owner: Membership) -> None:
    operator = factories.member(Role.OPERATOR_WITHOUT_DELETE, of=owner.team)
    made = factories.new_token(operator, "deploy", Permission.OPERATE)
    assert made.token.permissions == ["view", "operate"]
    for lacking in (Permission.DELETE, Permission.SPEND, Permission.READ_AUDIT):
        with pytest.raises(NotAllowedError):
            factories.new_token(operator, "more", lacking)
    admin = factories.member(Role.ADMIN, of=owner.team)
    with pytest.raises(NotAllowedError):
        factories.new_token(admin, "servers", Permission.OPERATE, personal=False)


@pytest.mark.parametrize("permission", [Permission.MANAGE_PEOPLE, Permission.MANAGE_POLICIES, Permission.APPROVE])
def test_token_cannot_hold_permissions_reserved_for_people(owner: Membership, permission: Permission) -> None:
    for personal in (True, False):
        with pytest.raises(Invalid):
            factories.new_token(owner, "all", permission, personal=personal)
    assert permission not in issuing.grantable(owner)


def test_team_token_needs_a_manager_of_the_whole_team(owner: Membership) -> None:
    account = factories.account(owner.team)
    for member in (factories.member(Role.OPERATOR, of=owner.team), narrowed(Role.ADMIN, account)):
        with pytest.raises(NotAllowedError):
            factories.new_token(member, personal=False)
    assert factories.new_token(factories.member(Role.ADMIN, of=owner.team), personal=False).token.owner is None


def test_token_is_limited_to_accounts_its_creator_reaches(owner: Membership) -> None:
    account, other = factories.account(owner.team), factories.account(owner.team)
    member = narrowed(Role.VIEWER, account)
    assert list(factories.new_token(member, accounts=[account]).token.accounts.all()) == [account]
    for beyond in (other, factories.account(factories.team())):
        with pytest.raises(NotAllowedError):
            factories.new_token(member, accounts=[beyond])
        with pytest.raises(NotAllowedError if beyond.team_id != owner.team_id else Invalid):
            factories.new_token(owner, accounts=[beyond] if beyond.team_id != owner.team_id else [])


@pytest.mark.parametrize(
    ("field", "values"),
    [
        ("networks", {"allowed_from": ["192.0.2.7/24"]}),
        ("name", {"name": "   "}),
        ("name", {"name": "x" * 61}),
        ("days", {"days": 0}),
        ("days", {"days": 366}),
        ("networks", {"allowed_from": ["192.0.2.0/33"]}),
        ("networks", {"allowed_from": [f"192.0.2.{number}" for number in range(21)]}),
    ],
)
def test_invalid_value_is_reported_at_its_field(owner: Membership, field: str, values: dict[str, object]) -> None:
    with pytest.raises(Invalid) as wrong:
        factories.new_token(owner, **values)  # type: ignore[arg-type]
    assert wrong.value.field == field
    assert not ApiToken.objects.exists()


def test_live_tokens_of_one_holder_have_unique_names(owner: Membership) -> None:
    first = factories.new_token(owner, "Deploy").token
    with pytest.raises(Invalid):
        factories.new_token(owner, "deploy")
    # The team and another member can use the same name.
    factories.token(owner, "deploy")
    factories.new_token(factories.member(of=owner.team), "deploy")
    ApiToken.objects.filter(pk=first.pk).update(expires_at=timezone.now() - timedelta(days=1))
    second = factories.new_token(owner, "deploy").token
    issuing.revoke(second, by=owner)
    factories.new_token(owner, "deploy")


def test_token_cannot_create_or_revoke_tokens(owner: Membership) -> None:
    made = factories.new_token(owner, "own", *issuing.GRANTABLE)
    for secret in (made.secret, factories.new_token(owner, "team", personal=False).secret):
        actor = actor_for(secret, address=HERE)
        with pytest.raises(NotAllowedError):
            factories.new_token(actor, "another")
        with pytest.raises(NotAllowedError):
            issuing.revoke(made.token, by=actor)


# Using tokens


def test_personal_token_acts_as_its_owner_within_its_scope(owner: Membership) -> None:
    account, other = factories.account(owner.team), factories.account(owner.team)
    made = factories.new_token(owner, "deploy", Permission.OPERATE, accounts=[account])
    actor = actor_for(made.secret, address=HERE)
    assert (actor.pk, actor.person) == (owner.pk, owner.user)
    assert actor.permissions() == {Permission.VIEW, Permission.OPERATE}
    assert actor.may(Permission.OPERATE, account)
    assert not actor.may(Permission.OPERATE, other)
    assert not actor.may_for_all(Permission.OPERATE)
    assert list(Account.objects.visible_to(actor)) == [account]
    assert actor.reach() == frozenset({account.pk})
    assert (actor.via.address, actor.via.token_id) == (HERE, made.token.pk)


def test_personal_token_shrinks_with_the_role_of_its_owner(owner: Membership) -> None:
    account, other = factories.account(owner.team), factories.account(owner.team)
    member = factories.member(Role.OPERATOR, of=owner.team)
    whole = factories.new_token(member, "whole", Permission.OPERATE, Permission.DELETE).secret
    some = factories.new_token(member, "some", Permission.OPERATE, accounts=[account, other]).secret
    Membership.objects.filter(pk=member.pk).update(role=Role.VIEWER, narrowed=True)
    member.accounts.set([account])
    for secret in (whole, some):
        actor = actor_for(secret, address=HERE)
        assert actor.permissions() == {Permission.VIEW}
        assert list(Account.objects.visible_to(actor)) == [account]
        assert actor.reach() == frozenset({account.pk})
        assert not actor.reaches(other)


def test_team_token_acts_without_a_person_within_its_scope(owner: Membership) -> None:
    account, other = factories.account(owner.team), factories.account(owner.team)
    stranger = factories.account(factories.team())
    for accounts, seen in (([account], [account]), (None, [account, other])):
        made = factories.new_token(owner, f"t {len(seen)}", Permission.OPERATE, personal=False, accounts=accounts)
        actor = actor_for(made.secret, address=HERE)
        assert actor.person is None
        assert actor.permissions() == {Permission.VIEW, Permission.OPERATE}
        assert list(Account.objects.visible_to(actor).order_by("pk")) == seen
        assert actor.reaches(account)
        assert actor.reaches(other) is (accounts is None)
        assert not actor.reaches(stranger)
        assert actor.may_for_all(Permission.VIEW) is (accounts is None)


def test_narrowed_token_reaches_nothing_once_its_accounts_are_deleted(owner: Membership) -> None:
    account = factories.account(owner.team)
    secret = factories.new_token(owner, personal=False, accounts=[account]).secret
    account.delete()
    factories.account(owner.team)
    actor = actor_for(secret, address=HERE)
    assert actor.reach() == frozenset()
    assert not Account.objects.visible_to(actor).exists()


def test_revoked_or_expired_token_is_refused(owner: Membership) -> None:
    made = factories.new_token(owner)
    ApiToken.objects.filter(pk=made.token.pk).update(expires_at=timezone.now())
    assert refusal(made.secret) == "expired"
    made = factories.new_token(owner)
    assert issuing.revoke(made.token, by=owner)
    assert not issuing.revoke(made.token, by=owner)
    assert refusal(made.secret) == "revoked"


def test_personal_token_ends_with_the_membership_and_stays_ended(owner: Membership) -> None:
    member = factories.member(Role.OPERATOR, of=owner.team)
    secret = factories.new_token(member).secret
    Membership.objects.filter(pk=member.pk).update(expires_at=timezone.now())
    assert refusal(secret) == "left"
    Membership.objects.filter(pk=member.pk).delete()
    assert refusal(secret) == "left"
    # A member who joins again has to create a new token.
    factories.member(Role.OPERATOR, of=owner.team, person=member.user)
    assert refusal(secret) == "left"
    assert [each.standing for each in token_lists.of_team(owner)] == [Standing.LEFT]


def test_token_of_an_inactive_person_is_refused(owner: Membership) -> None:
    secret = factories.new_token(owner).secret
    owner.user.is_active = False
    owner.user.save()
    assert refusal(secret) == "inactive"


def test_token_works_only_from_its_networks(owner: Membership) -> None:
    secret = factories.new_token(owner, allowed_from=["192.0.2.0/24", "2001:db8::/32"]).secret
    for address in (HERE, "::ffff:192.0.2.9", "2001:db8::1"):
        assert actor_for(secret, address=address)
    for address in ("198.51.100.1", "2001:db9::1", ""):
        assert refusal(secret, address) == "network"


def test_team_policies_apply_to_tokens(owner: Membership) -> None:
    personal, of_team = factories.new_token(owner).secret, factories.new_token(owner, personal=False).secret
    Team.objects.filter(pk=owner.team_id).update(networks=["192.0.2.0/24"])
    for secret in (personal, of_team):
        assert actor_for(secret, address="192.0.2.1")
        assert refusal(secret, "198.51.100.1") == "network"
    # The second-factor policy applies to personal tokens; a team token belongs to no person.
    Team.objects.filter(pk=owner.team_id).update(networks=[], two_factor_since=timezone.now(), grace_days=0)
    assert refusal(personal) == "two_factor"
    assert actor_for(of_team, address=HERE)
    Authenticator.objects.create(user=owner.user, type=Authenticator.Type.TOTP, data={})
    assert actor_for(personal, address=HERE)


def test_malformed_token_is_refused_without_a_query(
    owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    with django_assert_num_queries(0):
        for secret in ("", "sdk_p_", "x" * 5000, "sdk_p_" + "0" * 49, "sdk_p_é"):
            assert refusal(secret) == "malformed"
    assert refusal(token_secrets.new(token_secrets.OF_TEAM)) == "unknown"


def test_last_use_is_recorded_at_most_once_a_minute(
    owner: Membership, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    made = factories.new_token(owner)
    actor_for(made.secret, address=HERE)
    made.token.refresh_from_db()
    first = made.token.last_used_at
    assert first
    assert made.token.last_used_from == HERE
    with django_assert_num_queries(3):
        actor_for(made.secret, address="192.0.2.8")
    made.token.refresh_from_db()
    assert (made.token.last_used_at, made.token.last_used_from) == (first, HERE)
    ApiToken.objects.update(last_used_at=first - timedelta(minutes=2))
    actor_for(made.secret, address="192.0.2.8")
    made.token.refresh_from_db()
    assert made.token.last_used_from == "192.0.2.8"


def test_token_refusal_is_recorded_once_with_its_reason(owner: Membership) -> None:
    made = factories.new_token(owner, "deploy")
    issuing.revoke(made.token, by=owner)
    for _again in range(3):
        refusal(made.secret)
    line = AuditEntry.objects.get(action="token.refused")
    assert (line.actor, line.actor_name, line.address, line.token_id) == (None, "deploy", HERE, made.token.pk)
    assert (line.outcome, line.detail) == ("refused", {"reason": "revoked"})


# Operations through tokens


def stop(vm_id: int, account: Account, secret: str) -> Operation:
    return submit(catalogue.StopVm(vm_id=vm_id), account=account, by=actor_for(secret, address=HERE))


def test_operation_through_a_token_is_limited_to_its_scope(owner: Membership) -> None:
    account, other = factories.account(owner.team), factories.account(owner.team)
    stranger = factories.account(factories.team())
    vms = {each: factories.vm(each).remote_id for each in (account, other, stranger)}
    for personal in (True, False):
        secret = factories.new_token(owner, "ops", Permission.OPERATE, personal=personal, accounts=[account]).secret
        looks = factories.new_token(owner, "looks", personal=personal).secret
        for beyond in (other, stranger):
            with pytest.raises(NotAllowedError):
                stop(vms[beyond], beyond, secret)
        with pytest.raises(NotAllowedError):
            stop(vms[account], account, looks)
        operation = stop(vms[account], account, secret)
        assert operation.requested_by == (owner.user if personal else None)
        assert operation.requested_through is not None
        assert operation.requested_through.name == "ops"
        line = AuditEntry.objects.get(operation_id=operation.pk)
        assert line.actor == (owner.user if personal else None)
        assert line.actor_name == (str(owner.user) if personal else "ops")
        assert (line.token_id, line.address) == (operation.requested_through_id, HERE)
        operation.delete()


def test_bulk_action_runs_for_a_token_until_it_is_revoked(owner: Membership) -> None:
    account = factories.account(owner.team)
    objects = [(vm.remote_id, vm.hostname) for vm in (factories.vm(account), factories.vm(account))]
    for personal in (True, False):
        made = factories.new_token(owner, "bulk", Permission.OPERATE, personal=personal)
        begun = bulks.begin(
            "vm_stop", objects, account=account, by=actor_for(made.secret, address=HERE), nonce=uuid.uuid4()
        )
        assert begun.requested_through == made.token
        advance_bulk(begun.pk)
        asked = Operation.objects.filter(bulk=begun)
        assert {each.requested_through for each in asked} == {made.token}
        assert {each.requested_by for each in asked} == {owner.user if personal else None}
        asked.delete()
        begun.rows.update(state="waiting", operation=None)
        issuing.revoke(made.token, by=owner)
        advance_bulk(begun.pk)
        begun.refresh_from_db()
        assert (begun.state, begun.problem) == (Bulk.State.PAUSED, Bulk.Problem.MEMBER_LEFT)
        # A member resumes the bulk action.
        bulks.resume(begun, by=owner)
        begun.refresh_from_db()
        assert begun.requested_by == owner.user
        assert begun.requested_through_id is None
        begun.delete()
    owner.user.is_active = False
    owner.user.save()
    assert as_requester(team_id=owner.team_id, person_id=owner.user_id, token_id=None) is None


def test_team_token_cannot_save_views(owner: Membership) -> None:
    actor = actor_for(factories.new_token(owner, personal=False).secret, address=HERE)
    with pytest.raises(Invalid):
        saved_views.save("servers", "stopped", "state=halted", shared=True, by=actor)


def test_audit_log_records_token_events_without_secrets(owner: Membership, caplog: pytest.LogCaptureFixture) -> None:
    account = factories.account(owner.team)
    made = factories.new_token(owner, "deploy", Permission.OPERATE, accounts=[account], allowed_from=[HERE])
    stop(factories.vm(account).remote_id, account, made.secret)
    refusal(made.secret, "198.51.100.1")
    issuing.revoke(made.token, by=owner)
    lines = list(AuditEntry.objects.order_by("id").values())
    assert [line["action"] for line in lines] == [
        "token.created",
        "operation.vm_stop",
        "token.refused",
        "token.revoked",
    ]
    assert (lines[0]["after"] or {})["accounts"] == [account.label]
    told = repr(lines) + caplog.text
    assert made.secret not in told
    assert token_secrets.digest(made.secret) not in told


def test_token_can_be_revoked_by_its_owner_or_a_manager(owner: Membership) -> None:
    member = factories.member(Role.OPERATOR, of=owner.team)
    own, of_team = factories.new_token(member).token, factories.token(owner)
    for token in (of_team, factories.new_token(owner).token):
        assert not issuing.may_revoke(token, by=member)
        with pytest.raises(NotAllowedError):
            issuing.revoke(token, by=member)
    assert issuing.may_revoke(own, by=member)
    assert issuing.may_revoke(own, by=owner)
    assert not issuing.may_revoke(own, by=factories.member())
