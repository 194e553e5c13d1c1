"""The link of an invitation, and the mail with it.

A link is signed when its mail is written, and is not stored: reading the database or the queue is not enough to join a
team.

Decision: docs/decisions/0021-invitation-links-are-not-stored.md
"""

import uuid
from dataclasses import dataclass
from enum import StrEnum

from django.conf import settings
from django.core.mail import EmailMessage
from django.core.signing import BadSignature, Signer
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _

from hosting.teams.models import Membership
from hosting.teams.panel_url import panel_url
from hosting.teams.people.membership_rules import outlives
from hosting.teams.people.models import Invitation
from hosting.teams.roles import Permission, can_give

# What the outbox keeps of an invitation's mail, before the invitation's key.
ABOUT = "invitation:"


class InvitationMail(EmailMessage):
    """A mail that the outbox keeps with what it is about."""

    about = ""


class Closed(StrEnum):
    """Why a link has stopped working."""

    ACCEPTED = "accepted"
    REVOKED = "revoked"
    EXPIRED = "expired"
    # A later mail has the link that works.
    REPLACED = "replaced"


class ClosedError(Exception):
    """The invitation is no longer open."""

    def __init__(self, closed: Closed) -> None:
        super().__init__(closed.value)
        self.closed = closed


@dataclass(frozen=True)
class Link:
    """An invitation and the nonce that was current when its mail was written."""

    invitation: Invitation
    nonce: uuid.UUID

    def closed(self) -> Closed | None:
        """Why the link has stopped working; None while it works."""
        invitation = self.invitation
        if invitation.accepted_at:
            return Closed.ACCEPTED
        if invitation.revoked_at:
            return Closed.REVOKED
        if self.nonce != invitation.nonce:
            return Closed.REPLACED
        if invitation.has_expired(timezone.now()):
            return Closed.EXPIRED
        return None if sender_can_give(invitation) else Closed.REVOKED


def _signer() -> Signer:
    return Signer(salt="hosting.teams.invitations")


def path_to(invitation: Invitation) -> str:
    """The path of the page that accepts an invitation. It is a secret: only the invited address may get it."""
    return reverse("invitation", args=[_signer().sign_object([invitation.pk, invitation.nonce.hex])])


def read(token: str) -> Link | None:
    """Read the token of a link; None when its signature is invalid."""
    try:
        key, nonce = _signer().unsign_object(token)
    except (BadSignature, ValueError):
        return None
    found = Invitation.objects.select_related("team", "invited_by").filter(pk=key).first()
    return Link(found, uuid.UUID(nonce)) if found else None


def sender_can_give(invitation: Invitation) -> bool:
    """Whether the invitation's sender is still allowed to give what it offers."""
    senders = Membership.objects.current().filter(team=invitation.team_id, user__is_active=True)
    sender = senders.filter(user=invitation.invited_by_id).first()
    return (
        sender is not None
        and sender.may_for_all(Permission.MANAGE_PEOPLE)
        and can_give(sender.permissions(), invitation.role)
        and not outlives(invitation.membership_expires_at, sender)
    )


def mail(invitation: Invitation) -> None:
    """Send the invitation's mail in the active language."""
    context = {
        "inviter": invitation.invited_by,
        "address": invitation.invited_by.email if invitation.invited_by else "",
        "team": invitation.team,
        "role": invitation.get_role_display(),
        "membership_ends": invitation.membership_expires_at,
        "expires_at": invitation.expires_at,
        "link": panel_url(path_to(invitation)),
        "panel": settings.PANEL_URL,
    }
    subject = _("%(inviter)s invited you to the team %(team)s") % context
    text = render_to_string("hosting/mail/invitation.txt", context)
    message = InvitationMail(" ".join(subject.split()), text, None, [invitation.email])
    message.about = f"{ABOUT}{invitation.pk}"
    message.send()
