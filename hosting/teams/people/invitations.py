"""Invite people to a team by e-mail: send, send again, revoke."""

import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.teams.audit.log import record, team_thing
from hosting.teams.audit.models import AuditEntry
from hosting.teams.models import Membership, Team, User
from hosting.teams.people.links import mail, stands
from hosting.teams.people.membership_rules import Terms, agree, as_json, hold, require_as_much, terms_of
from hosting.teams.people.models import Invitation, normalised
from hosting.teams.rejection import Invalid, Rejected
from hosting.teams.roles import NotAllowedError, Permission

# Mails are sent to strangers: a person sends so many in a day, and the same one again after a minute.
MOST_A_DAY = 50
AGAIN_AFTER = timedelta(minutes=1)
_SENT, _SENT_AGAIN = "invitation.sent", "invitation.sent_again"
LONGEST_LIFE = timedelta(days=90)


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
    email = normalised(email)
    life = timedelta(days=settings.INVITATION_LIFE_DAYS if days is None else days)
    if not timedelta(0) < life <= LONGEST_LIFE:
        words = _("An invitation can be valid for 1 to %(most)d days.") % {"most": LONGEST_LIFE.days}
        raise Invalid(words, field="days")
    with transaction.atomic():
        hold(by)
        agree(terms, by=by)
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
            role=terms.role,
            narrowed=terms.accounts is not None,
            membership_expires_at=terms.until,
            invited_by=sender,
            sent_at=now,
            expires_at=_end(now + life, terms),
        )
        invitation.accounts.set(terms.accounts or ())
        mail(invitation)
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
            raise Rejected(_("This invitation was just sent. Wait a minute before you resend it."))
        invitation.nonce = uuid.uuid4()
        invitation.invited_by = sender
        invitation.sent_at = now
        invitation.expires_at = _end(now + life, terms)
        Invitation.objects.filter(pk=invitation.pk).update(
            nonce=invitation.nonce, invited_by=sender, sent_at=now, expires_at=invitation.expires_at
        )
        mail(invitation)
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
    _revoke([invitation for invitation in sent if not stands(invitation)], by=by, team=team)


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
        thing = team_thing(invitation.team_id)
        record(team or invitation.team, by=by, action="invitation.revoked", subject=invitation.email, thing=thing)
