"""Invitations by e-mail: sent, sent again, revoked, accepted.

A link is signed when its mail is written and kept nowhere: neither the row nor a job could be used to join a team.
"""

import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urljoin

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core.mail import send_mail
from django.core.signing import BadSignature, Signer
from django.db import IntegrityError, transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.teams.audit.log import record, team_thing
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team, User
from hosting.teams.people.membership_rules import Terms, agree, as_json, hold, outlives, require_as_much, terms_of
from hosting.teams.people.models import Invitation, InvitationQuerySet
from hosting.teams.rejection import Invalid, Rejected
from hosting.teams.request_origin import Origin
from hosting.teams.roles import NotAllowedError, Permission, can_give

# Mails are sent to strangers: a person sends so many in a day, and the same one again after a minute.
MOST_A_DAY = 50
AGAIN_AFTER = timedelta(minutes=1)
_SENT, _SENT_AGAIN = "invitation.sent", "invitation.sent_again"
LONGEST_LIFE = timedelta(days=90)


class Closed(StrEnum):
    """Why a link leads nowhere any more."""

    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"
    # A later mail holds the link that works.
    REPLACED = "replaced"


class ClosedError(Exception):
    """The invitation can't be accepted any more."""

    def __init__(self, closed: Closed) -> None:
        super().__init__(closed.value)
        self.closed = closed


class OtherAddressError(Exception):
    """The invitation is for somebody with another address."""


class KnownAddressError(Exception):
    """Somebody with this address can sign in already."""


@dataclass(frozen=True)
class Link:
    """What a link says: an invitation, as it was when the mail was written."""

    invitation: Invitation
    nonce: uuid.UUID

    def closed(self) -> Closed | None:
        """Why it leads nowhere; None while it can be accepted."""
        invitation = self.invitation
        if invitation.accepted_at:
            return Closed.ACCEPTED
        if invitation.revoked_at:
            return Closed.REVOKED
        if self.nonce != invitation.nonce:
            return Closed.REPLACED
        if invitation.has_expired(timezone.now()):
            return Closed.EXPIRED
        return None if _stands(invitation) else Closed.REVOKED


def _signer() -> Signer:
    return Signer(salt="hosting.teams.invitations")


def path_to(invitation: Invitation) -> str:
    """Where an invitation is accepted. It is a secret of whoever reads the mails of the invited address."""
    return reverse("invitation", args=[_signer().sign_object([invitation.pk, invitation.nonce.hex])])


def read(token: str) -> Link | None:
    """What a link says; None for one that Sharedeck did not write."""
    try:
        key, nonce = _signer().unsign_object(token)
    except (BadSignature, ValueError):
        return None
    found = Invitation.objects.select_related("team", "invited_by").filter(pk=key).first()
    return Link(found, uuid.UUID(nonce)) if found else None


def open_for(email: str) -> InvitationQuerySet:
    """The invitations that an address can still accept."""
    return Invitation.objects.open().filter(email=_address(email)).select_related("team", "invited_by")


def open_to(person: User) -> list[Invitation]:
    """Those that somebody may accept without the mail, because their address is confirmed."""
    own = EmailAddress.objects.filter(user=person, verified=True).values_list("email", flat=True)
    return [invitation for email in own for invitation in open_for(email) if _stands(invitation)]


def unanswered(by: Membership) -> list[Invitation]:
    """The team's invitations that nobody has answered, newest first; nothing for who does not manage people."""
    if not by.may_for_all(Permission.MANAGE_PEOPLE):
        return []
    found = Invitation.objects.unanswered().filter(team=by.team_id)
    return list(found.select_related("invited_by").prefetch_related("accounts"))


def invite(email: str, terms: Terms, *, by: Membership, days: int | None = None) -> Invitation:
    """Ask somebody to join the actor's team, by a mail in the language that is spoken now.

    Its link works for so many `days`, by default those of the settings.

    Raises:
        NotAllowedError: the actor does not manage people, or lacks a permission of the role.
        Invalid: terms that can't be, a member's address, or one that is invited already.
        Rejected: too many mails for one day.
    """
    email = _address(email)
    life = timedelta(days=settings.INVITATION_LIFE_DAYS if days is None else days)
    if not timedelta(0) < life <= LONGEST_LIFE:
        words = _("An invitation works for 1 to %(most)d days.") % {"most": LONGEST_LIFE.days}
        raise Invalid(words, field="days")
    with transaction.atomic():
        hold(by)
        agree(terms, by=by)
        sender = _sender(by)
        if Membership.objects.current().filter(team=by.team_id, user__email__iexact=email).exists():
            raise Invalid(_("This person is in your team already."), field="email")
        now = timezone.now()
        earlier = Invitation.objects.unanswered().filter(team=by.team_id, email=email)
        if earlier.filter(expires_at__gt=now).exists():
            raise Invalid(
                _("This address is invited already: send that invitation again, or revoke it."), field="email"
            )
        earlier.update(revoked_at=now)
        invitation = Invitation.objects.create(
            team=by.team,
            email=email,
            role=terms.role,
            narrowed=terms.accounts is not None,
            membership_expires_at=terms.until,
            invited_by=sender,
            sent_at=now,
            expires_at=_end(now + life, terms),
        )
        invitation.accounts.set(terms.accounts or ())
        _mail(invitation)
        after = {**as_json(terms, by.team), "link_until": invitation.expires_at.isoformat()}
        thing = team_thing(by.team_id)
        record(by.team, by=by, action=_SENT, subject=email, thing=thing, after=after)
    return invitation


def resend(invitation: Invitation, *, by: Membership) -> None:
    """Mail it again, with a new link for as long as the first one; the earlier links are dead.

    The actor now vouches for it.

    Raises:
        NotAllowedError: as `invite`.
        Rejected: it is over, it was sent a moment ago, its terms can't be any more, or too many mails for one day.
    """
    with transaction.atomic():
        hold(by)
        invitation = _unanswered(invitation, by)
        terms = terms_of(invitation)
        agree(terms, by=by)
        sender = _sender(by)
        now = timezone.now()
        life = invitation.expires_at - invitation.sent_at
        if invitation.sent_at > now - AGAIN_AFTER:
            raise Rejected(_("It was sent a moment ago. Wait a minute before you send it again."))
        invitation.nonce = uuid.uuid4()
        invitation.invited_by = sender
        invitation.sent_at = now
        invitation.expires_at = _end(now + life, terms)
        Invitation.objects.filter(pk=invitation.pk).update(
            nonce=invitation.nonce, invited_by=sender, sent_at=now, expires_at=invitation.expires_at
        )
        _mail(invitation)
        thing = team_thing(by.team_id)
        record(by.team, by=by, action=_SENT_AGAIN, subject=invitation.email, thing=thing)


def revoke(invitation: Invitation, *, by: Membership) -> None:
    """Take it back: its link leads nowhere from now on.

    Raises:
        NotAllowedError: the actor does not manage people, or lacks a permission of its role.
        Rejected: it is over already.
    """
    with transaction.atomic():
        hold(by)
        invitation = _unanswered(invitation, by)
        require_as_much(invitation.role, by)
        _revoke([invitation], by=by)


def drop_unfounded(team: Team, person_id: int, *, by: Membership | None) -> None:
    """Revoke what somebody has sent and could not give any more. Call it in the transaction that took it from them."""
    sent = Invitation.objects.unanswered().filter(team=team, invited_by=person_id)
    _revoke([invitation for invitation in sent if not _stands(invitation)], by=by, team=team)


def is_for(invitation: Invitation, person: User) -> bool:
    """Whether somebody who is signed in is the one who is invited."""
    if _address(person.email) == invitation.email:
        return True
    return bool(EmailAddress.objects.filter(user=person, verified=True, email__iexact=invitation.email).exists())


def person_of(invitation: Invitation) -> User | None:
    """Who can sign in with the invited address already."""
    known = User.objects.filter(email__iexact=invitation.email).first()
    if known is None:
        address = EmailAddress.objects.filter(verified=True, email__iexact=invitation.email).first()
        known = address.user if address else None
    return known


def accept(link: Link, *, person: User, via: Origin) -> Membership:
    """Join the team. Who is in it already stays what they are, and the invitation is used up.

    Raises:
        ClosedError: it can't be accepted any more.
        OtherAddressError: it is for somebody else.
    """
    with transaction.atomic():
        invitation = _take(link)
        if not is_for(invitation, person):
            raise OtherAddressError
        return _join(invitation, person, via)


def accept_as_new(link: Link, *, name: str, password: str, via: Origin) -> Membership:
    """Become a person of this panel and join the team. The mail has proved the address.

    Raises:
        ClosedError: it can't be accepted any more.
        KnownAddressError: somebody can sign in with the address already.
    """
    with transaction.atomic():
        invitation = _take(link)
        if person_of(invitation):
            raise KnownAddressError
        try:
            person = User.objects.create_user(invitation.email, password, name=name)
        except IntegrityError:
            raise KnownAddressError from None
        return _join(invitation, person, via)


def _address(email: str) -> str:
    return email.strip().lower()


def _end(end: datetime, terms: Terms) -> datetime:
    """Nobody joins a team after their membership would have ended."""
    return min(end, terms.until) if terms.until else end


def _sender(by: Membership) -> User:
    """Who vouches for a mail: a person, and not for too many a day."""
    person = by.person
    if person is None:
        raise NotAllowedError(Permission.MANAGE_PEOPLE)
    # The trail knows each mail: an invitation knows its last one.
    teams = Membership.objects.current().filter(user=person).values("team")
    today = AuditEntry.objects.filter(team__in=teams, at__gt=timezone.now() - timedelta(days=1), actor=person)
    if today.filter(action__in=(_SENT, _SENT_AGAIN)).count() >= MOST_A_DAY:
        raise Rejected(_("You have sent %(most)d invitations within a day: go on tomorrow.") % {"most": MOST_A_DAY})
    return person


def _stands(invitation: Invitation) -> bool:
    """Whether whoever sent it could still give what it promises."""
    senders = Membership.objects.current().filter(team=invitation.team_id, user__is_active=True)
    sender = senders.filter(user=invitation.invited_by_id).first()
    return (
        sender is not None
        and sender.may_for_all(Permission.MANAGE_PEOPLE)
        and can_give(sender.permissions(), invitation.role)
        and not outlives(invitation.membership_expires_at, sender)
    )


def _unanswered(invitation: Invitation, by: Membership) -> Invitation:
    found = Invitation.objects.unanswered().filter(pk=invitation.pk, team=by.team_id).first()
    if found is None:
        raise Rejected(_("This invitation was answered or revoked meanwhile."))
    found.team = by.team
    return found


def _revoke(invitations: Iterable[Invitation], *, by: Membership | None, team: Team | None = None) -> None:
    invitations = list(invitations)
    Invitation.objects.filter(pk__in=[each.pk for each in invitations]).update(revoked_at=timezone.now())
    for invitation in invitations:
        thing = team_thing(invitation.team_id)
        record(team or invitation.team, by=by, action="invitation.revoked", subject=invitation.email, thing=thing)


def _take(link: Link) -> Invitation:
    """The invitation of a link, while nobody else can accept or revoke it."""
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
            thing=team_thing(invitation.team_id),
            member_already=True,
        )
        return member
    # One that has ended and was not swept away yet.
    Membership.objects.filter(team=invitation.team, user=person).delete()
    terms = terms_of(invitation)
    member = Membership.objects.create(
        team=invitation.team,
        user=person,
        role=terms.role,
        narrowed=terms.accounts is not None,
        expires_at=terms.until,
    )
    member.accounts.set(terms.accounts or ())
    member.via = via
    record(
        invitation.team,
        by=member,
        action="member.joined",
        subject=invitation.email,
        thing=team_thing(invitation.team_id),
        after=as_json(terms, invitation.team),
        invited_by=str(invitation.invited_by or ""),
    )
    return member


def _mail(invitation: Invitation) -> None:
    """Write to the invited person in the language that is spoken now."""
    context = {
        "inviter": invitation.invited_by,
        "address": invitation.invited_by.email if invitation.invited_by else "",
        "team": invitation.team,
        "role": invitation.get_role_display(),
        "membership_ends": invitation.membership_expires_at,
        "expires_at": invitation.expires_at,
        "link": urljoin(settings.PANEL_URL, path_to(invitation)),
        "panel": settings.PANEL_URL,
    }
    subject = _("%(inviter)s invites you to the team %(team)s") % context
    text = render_to_string("hosting/mail/invitation.txt", context)
    send_mail(" ".join(subject.split()), text, None, [invitation.email])
