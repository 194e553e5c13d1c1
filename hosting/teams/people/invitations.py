"""Invite people to a team by e-mail: send, send again, revoke."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.teams.audit.log import record, team_ref
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team, User
from hosting.teams.people.links import mail, sender_can_give
from hosting.teams.people.membership_rules import (
    Grant,
    as_json,
    grant_of,
    lock_team,
    require_can_give,
    require_can_grant,
)
from hosting.teams.people.models import Invitation, normalised
from hosting.teams.rejection import Invalid, Rejected
from hosting.teams.roles import NotAllowedError, Permission

# Limits, because mails go to strangers: mails of one person in a day, and the time until the same one can be resent.
MOST_A_DAY = 50
AGAIN_AFTER = timedelta(minutes=1)
_SENT, _SENT_AGAIN = "invitation.sent", "invitation.sent_again"
LONGEST_LIFE = timedelta(days=90)


def unanswered(by: Membership) -> list[Invitation]:
    """The team's unanswered invitations, newest first; none for a member who does not manage people."""
    if not by.may_for_all(Permission.MANAGE_PEOPLE):
        return []
    found = Invitation.objects.unanswered().filter(team=by.team_id)
    return list(found.select_related("invited_by").prefetch_related("accounts"))


def invite(email: str, grant: Grant, *, by: Membership, days: int | None = None) -> Invitation:
    """Invite somebody to the actor's team by a mail in the active language.

    The link works for `days`, by default `INVITATION_LIFE_DAYS`.

    Raises:
        NotAllowedError: the actor does not manage people, or lacks a permission of the role.
        Invalid: an invalid grant, or the address of a member or of somebody who is invited already.
        Rejected: too many mails for one day.
    """
    email = normalised(email)
    life = timedelta(days=settings.INVITATION_LIFE_DAYS if days is None else days)
    if not timedelta(0) < life <= LONGEST_LIFE:
        words = _("An invitation can be valid for 1 to %(most)d days.") % {"most": LONGEST_LIFE.days}
        raise Invalid(words, field="days")
    with transaction.atomic():
        lock_team(by)
        require_can_grant(grant, by=by)
        sender = _sender(by)
        if Membership.objects.current().filter(team=by.team_id, user__email__iexact=email).exists():
            raise Invalid(_("This person is already in your team."), field="email")
        now = timezone.now()
        earlier = Invitation.objects.unanswered().filter(team=by.team_id, email=email)
        if earlier.filter(expires_at__gt=now).exists():
            raise Invalid(_("This address has already been invited. Resend or revoke that invitation."), field="email")
        earlier.update(revoked_at=now)
        invitation = Invitation.objects.create(
            team=by.team,
            email=email,
            role=grant.role,
            narrowed=grant.accounts is not None,
            membership_expires_at=grant.until,
            invited_by=sender,
            sent_at=now,
            expires_at=_end(now + life, grant),
        )
        invitation.accounts.set(grant.accounts or ())
        mail(invitation)
        after = {**as_json(grant, by.team), "link_until": invitation.expires_at.isoformat()}
        thing = team_ref(by.team_id)
        record(by.team, by=by, action=_SENT, subject=email, thing=thing, after=after)
    return invitation


def resend(invitation: Invitation, *, by: Membership) -> None:
    """Send an invitation again, with a new link that works for as long as the first one. Earlier links stop working.

    The actor becomes its sender, whose permissions it depends on.

    Raises:
        NotAllowedError: as `invite`.
        Rejected: the invitation is closed, it was sent within the last minute, its grant is not valid any more, or too
            many mails for one day.
    """
    with transaction.atomic():
        lock_team(by)
        invitation = _unanswered(invitation, by)
        grant = grant_of(invitation)
        require_can_grant(grant, by=by)
        sender = _sender(by)
        now = timezone.now()
        life = invitation.expires_at - invitation.sent_at
        if invitation.sent_at > now - AGAIN_AFTER:
            raise Rejected(_("This invitation was just sent. Wait a minute before you resend it."))
        invitation.nonce = uuid.uuid4()
        invitation.invited_by = sender
        invitation.sent_at = now
        invitation.expires_at = _end(now + life, grant)
        Invitation.objects.filter(pk=invitation.pk).update(
            nonce=invitation.nonce,
            invited_by=sender,
            sent_at=now,
            expires_at=invitation.expires_at,
            mail_failed_at=None,
        )
        mail(invitation)
        thing = team_ref(by.team_id)
        record(by.team, by=by, action=_SENT_AGAIN, subject=invitation.email, thing=thing)


def revoke(invitation: Invitation, *, by: Membership) -> None:
    """Revoke an invitation, so that its link stops working.

    Raises:
        NotAllowedError: the actor does not manage people, or lacks a permission of the invitation's role.
        Rejected: the invitation is closed already.
    """
    with transaction.atomic():
        lock_team(by)
        invitation = _unanswered(invitation, by)
        require_can_give(invitation.role, by)
        _revoke([invitation], by=by)


def note_undelivered(invitation_id: int, *, written_at: datetime) -> None:
    """Note that the mail of an invitation could not be delivered, unless a later one was sent. In a transaction.

    `written_at` is when the mail was put into the outbox.
    """
    waiting = Invitation.objects.unanswered().filter(pk=invitation_id, sent_at__lte=written_at)
    if waiting.update(mail_failed_at=timezone.now()):
        invitation = Invitation.objects.select_related("team").get(pk=invitation_id)
        record(
            invitation.team,
            by=None,
            action="invitation.undelivered",
            subject=invitation.email,
            thing=team_ref(invitation.team_id),
            outcome="failed",
        )


def revoke_unbacked(team: Team, person_id: int, *, by: Membership | None) -> None:
    """Revoke a person's invitations to roles that they cannot give any more.

    Call it in the transaction that changes their membership.
    """
    sent = Invitation.objects.unanswered().filter(team=team, invited_by=person_id)
    _revoke([invitation for invitation in sent if not sender_can_give(invitation)], by=by, team=team)


def _end(end: datetime, grant: Grant) -> datetime:
    """The end of the link: not after the end of the membership it gives."""
    return min(end, grant.until) if grant.until else end


def _sender(by: Membership) -> User:
    """The person who sends the mail.

    Raises:
        NotAllowedError: the actor is a team token.
        Rejected: they have sent too many mails today.
    """
    person = by.person
    if person is None:
        raise NotAllowedError(Permission.MANAGE_PEOPLE)
    # The audit log has every mail; an invitation only has the time of its last one.
    teams = Membership.objects.current().filter(user=person).values("team")
    today = AuditEntry.objects.filter(team__in=teams, at__gt=timezone.now() - timedelta(days=1), actor=person)
    if today.filter(action__in=(_SENT, _SENT_AGAIN)).count() >= MOST_A_DAY:
        raise Rejected(
            _("You've sent %(most)d invitations in one day, the maximum. Try again tomorrow.") % {"most": MOST_A_DAY}
        )
    return person


def _unanswered(invitation: Invitation, by: Membership) -> Invitation:
    found = Invitation.objects.unanswered().filter(pk=invitation.pk, team=by.team_id).first()
    if found is None:
        raise Rejected(_("This invitation has already been accepted or revoked."))
    found.team = by.team
    return found


def _revoke(invitations: Iterable[Invitation], *, by: Membership | None, team: Team | None = None) -> None:
    invitations = list(invitations)
    Invitation.objects.filter(pk__in=[each.pk for each in invitations]).update(revoked_at=timezone.now())
    for invitation in invitations:
        thing = team_ref(invitation.team_id)
        record(team or invitation.team, by=by, action="invitation.revoked", subject=invitation.email, thing=thing)
