"""Authenticate requests with API tokens.

Callers get the same refusal for every reason; only the audit log and the lists of tokens say why.
"""

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, TextChoices
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_variables

from hosting.teams.access import networks
from hosting.teams.access import policy as access
from hosting.teams.access.policy import Denial
from hosting.teams.audit.log import record
from hosting.teams.models import Membership
from hosting.teams.policies import second_factor
from hosting.teams.request_origin import Origin
from hosting.teams.roles import Role
from hosting.teams.tokens import secrets as token_secrets
from hosting.teams.tokens.models import ApiToken

# A program may make a request every second: not every use or refusal is written.
_USE_NOTED_EVERY = timedelta(minutes=1)
_REFUSAL_NOTED_EVERY = timedelta(hours=1)


class Standing(TextChoices):
    """Whether a token works, and why not."""

    WORKS = "works", _("Active")
    REVOKED = "revoked", _("Revoked")
    EXPIRED = "expired", _("Expired")
    LEFT = "left", _("No longer a member")
    INACTIVE = "inactive", _("User disabled")


class BadTokenError(Exception):
    """The token does not work. `reason` is for the audit log and for tests, never for the caller."""

    def __init__(self, reason: str) -> None:
        super().__init__("this API token opens nothing")
        self.reason = reason


def standing(token: ApiToken, member: Membership | None, now: datetime) -> Standing:
    """Whether a token works; `member` is the owner's current membership, for a personal token."""
    if token.expires_at <= (token.revoked_at or now):
        return Standing.EXPIRED
    if token.revoked_at is not None:
        return Standing.REVOKED
    if token.owner is None:
        return Standing.WORKS
    if member is None:
        return Standing.LEFT
    return Standing.WORKS if token.owner.is_active else Standing.INACTIVE


class KeptOutError(Exception):
    """A policy of the team, or the networks of a token, now keep out the requester of work in the background."""

    def __init__(self, denial: Denial) -> None:
        super().__init__(denial.value)
        self.denial = denial


@sensitive_variables("secret")
def actor_for(secret: str, *, address: str) -> Membership:
    """The actor (`by=`) of a request with this token from `address`, narrowed by the token.

    The row is found by the secret's digest, so the response time reveals nothing about the secret.

    Raises:
        BadTokenError: the token does not exist, does not work, or may not be used from this address.
    """
    if not token_secrets.is_well_formed(secret):
        raise BadTokenError("malformed")
    tokens = ApiToken.objects.select_related("team", "owner")
    token = tokens.filter(digest=token_secrets.digest(secret)).first()
    if token is None:
        raise BadTokenError("unknown")
    member, now = _member(token), timezone.now()
    reason: str = standing(token, member, now)
    if reason == Standing.WORKS:
        reason = _denial(token, member, address, now) or reason
    if reason != Standing.WORKS:
        _note_refusal(token, reason, address, now)
        raise BadTokenError(reason)
    _note_use(token, address, now)
    return _actor(token, member, address)


def as_requester(
    *, team_id: int, person_id: int | None, token_id: int | None, address: str | None = None
) -> Membership | None:
    """The requester of work that continues in the background, with their present permissions. `address` is where they
    requested it from; None when unknown.

    None when they have left the team or were deactivated, or when the token that they used does not work any more.

    Raises:
        KeptOutError: a policy would deny them now, from that address.
    """
    now = timezone.now()
    if token_id is None:
        members = Membership.objects.current().select_related("team", "user")
        member = members.filter(team=team_id, user=person_id, user__is_active=True).first()
        if member and (denial := requester_denial(member, address, now)):
            raise KeptOutError(denial)
        return member
    token = ApiToken.objects.select_related("team", "owner").filter(pk=token_id, team=team_id).first()
    if token is None:
        return None
    member = _member(token)
    if standing(token, member, now) != Standing.WORKS:
        return None
    if denial := _denial(token, member, address, now):
        raise KeptOutError(denial)
    return _actor(token, member, "")


def requester_denial(member: Membership, address: str | None, now: datetime) -> Denial | None:
    """Why the team's policies deny a member who is not there: the second factor, and the network if it is known."""
    policy = member.team.policy()
    if address is not None and access.network_denial(policy, address):
        return Denial.NETWORK
    if policy.two_factor_since is None:
        return None
    has = bool(second_factor.holders([member.user_id]))
    return access.second_factor_denial(policy, member.created_at, has_second_factor=has, now=now)


def _denial(token: ApiToken, member: Membership | None, address: str | None, now: datetime) -> Denial | None:
    """Why a working token is denied: by its own networks, or by a policy of its team."""
    if address is not None and not networks.allows(map(networks.read, token.networks), address):
        return Denial.NETWORK
    if member is not None:
        return requester_denial(member, address, now)
    return access.network_denial(token.team.policy(), address) if address is not None else None


def _member(token: ApiToken) -> Membership | None:
    """The membership under which a personal token was created, if it has not ended."""
    if token.owner is None or token.membership_id is None:
        return None
    members = Membership.objects.current().select_related("team", "user")
    return members.filter(pk=token.membership_id, team=token.team_id, user=token.owner_id).first()


def _actor(token: ApiToken, member: Membership | None, address: str) -> Membership:
    # A team token acts as an unsaved membership without a person. It has its own permissions, not those of the role.
    # The role only selects the spending limit: the owner's, because only an owner can give a team token the permission
    # to spend.
    actor = member or Membership(team=token.team, role=Role.OWNER)
    actor.via = _origin(token, address)
    actor.only = token.held()
    actor.within = frozenset(token.accounts.values_list("pk", flat=True)) if token.narrowed else None
    return actor


def _origin(token: ApiToken, address: str) -> Origin:
    return Origin(address=address, token_id=token.pk, token_name=token.name)


def _note_use(token: ApiToken, address: str, now: datetime) -> None:
    stale = Q(last_used_at=None) | Q(last_used_at__lt=now - _USE_NOTED_EVERY)
    ApiToken.objects.filter(stale, pk=token.pk).update(last_used_at=now, last_used_from=address)


def _note_refusal(token: ApiToken, reason: str, address: str, now: datetime) -> None:
    stale = Q(refused_at=None) | Q(refused_at__lt=now - _REFUSAL_NOTED_EVERY)
    with transaction.atomic():
        if ApiToken.objects.filter(stale, pk=token.pk).update(refused_at=now):
            # The actor is the token, not its owner: somebody else may be using it.
            holder = Membership(team=token.team)
            holder.via = _origin(token, address)
            record(
                token.team,
                by=holder,
                action="token.refused",
                subject=token.name,
                thing=f"token:{token.pk}",
                outcome="refused",
                reason=reason,
            )
