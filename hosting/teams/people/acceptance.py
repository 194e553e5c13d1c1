"""Find the open invitations of a person, and accept one."""

from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.utils import timezone

from hosting.teams import names, ownership
from hosting.teams.audit.log import record, team_ref
from hosting.teams.models import Membership, Team, User
from hosting.teams.people.links import ClosedError, Link, sender_can_give
from hosting.teams.people.membership_rules import as_json, grant_of
from hosting.teams.people.models import Invitation, InvitationQuerySet, normalised
from hosting.teams.rejection import invalid
from hosting.teams.request_origin import Origin


class OtherAddressError(Exception):
    """The invitation was sent to another person's address."""


class KnownAddressError(Exception):
    """There is a person with this address already."""


def open_for(email: str) -> InvitationQuerySet:
    """The open invitations of an address."""
    return Invitation.objects.open().filter(email=normalised(email)).select_related("team", "invited_by")


def open_to(person: User) -> list[Invitation]:
    """The open invitations to a person's confirmed addresses, which they may accept without the mail."""
    own = EmailAddress.objects.filter(user=person, verified=True).values_list("email", flat=True)
    return [invitation for email in own for invitation in open_for(email) if sender_can_give(invitation)]


def is_for(invitation: Invitation, person: User) -> bool:
    """Whether the invitation was sent to one of the person's addresses."""
    if normalised(person.email) == invitation.email:
        return True
    return bool(EmailAddress.objects.filter(user=person, verified=True, email__iexact=invitation.email).exists())


def person_of(invitation: Invitation) -> User | None:
    """The person who has the invited address, if any."""
    known = User.objects.filter(email__iexact=invitation.email).first()
    if known is None:
        address = EmailAddress.objects.filter(verified=True, email__iexact=invitation.email).first()
        known = address.user if address else None
    return known


def accept(link: Link, *, person: User, via: Origin) -> Membership:
    """Join the team. For a person who is a member already nothing changes, but the invitation is used up.

    Raises:
        ClosedError: the invitation is no longer open.
        OtherAddressError: the invitation is for somebody else.
    """
    with transaction.atomic():
        invitation = _take(link)
        if not is_for(invitation, person):
            raise OtherAddressError
        return _join(invitation, person, via)


def accept_as_new(link: Link, *, name: str, password: str, via: Origin) -> Membership:
    """Create a person and join the team. The address counts as confirmed, because the link came by mail.

    Raises:
        ClosedError: the invitation is no longer open.
        KnownAddressError: there is a person with the address already.
        Invalid: the name has invisible characters or a web address, or is that of the panel.
    """
    with invalid("name"):
        name = names.checked(name, names.IN_MAIL, most=names.LONGEST_OF_PERSON)
    with transaction.atomic():
        invitation = _take(link)
        if person_of(invitation):
            raise KnownAddressError
        try:
            person = User.objects.create_user(invitation.email, password, name=name)
        except IntegrityError:
            raise KnownAddressError from None
        return _join(invitation, person, via)


def _take(link: Link) -> Invitation:
    """Lock the team, so that the invitation cannot be accepted or revoked meanwhile, and return it."""
    Team.objects.select_for_update(no_key=True).get(pk=link.invitation.team_id)
    now = Invitation.objects.select_related("team").get(pk=link.invitation.pk)
    if closed := Link(now, link.nonce).closed():
        raise ClosedError(closed)
    return now


def _join(invitation: Invitation, person: User, via: Origin) -> Membership:
    now = timezone.now()
    Invitation.objects.filter(pk=invitation.pk).update(accepted_at=now, accepted_by=person)
    member = Membership.objects.current().filter(team=invitation.team, user=person).first()
    if member is not None:
        member.user, member.via = person, via
        record(
            invitation.team,
            by=member,
            action="invitation.accepted",
            subject=invitation.email,
            thing=team_ref(invitation.team_id),
            member_already=True,
        )
        return member
    # An earlier membership that has ended and was not deleted by the sweep yet.
    Membership.objects.filter(team=invitation.team, user=person).delete()
    grant = grant_of(invitation)
    member = Membership(team=invitation.team, user=person, narrowed=grant.accounts is not None, expires_at=grant.until)
    sender = Membership.objects.current().filter(team=invitation.team, user=invitation.invited_by_id).first()
    ownership.give_role(member, grant.role, by=sender)
    member.save()
    member.accounts.set(grant.accounts or ())
    member.via = via
    record(
        invitation.team,
        by=member,
        action="member.joined",
        subject=invitation.email,
        thing=team_ref(invitation.team_id),
        after=as_json(grant, invitation.team),
        invited_by=str(invitation.invited_by or ""),
    )
    return member
