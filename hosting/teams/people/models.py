"""Invitations to a team."""

import uuid
from datetime import datetime

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.teams.models import Team, User
from hosting.teams.roles import Role


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def unanswered(self) -> "InvitationQuerySet":
        """Invitations that were neither accepted nor revoked; they may have expired."""
        return self.filter(accepted_at=None, revoked_at=None)

    def open(self) -> "InvitationQuerySet":
        """Unanswered invitations that have not expired."""
        return self.unanswered().filter(expires_at__gt=timezone.now())


class Invitation(models.Model):
    """An invitation by e-mail to join a team. The link is not stored: it is signed when the mail is written."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="invitations")
    # In lower case, because addresses are compared without regard to case.
    email = models.EmailField(_("email address"))
    role = models.CharField(_("role"), max_length=30, choices=Role.choices, default=Role.VIEWER)
    # As in `Membership`.
    narrowed = models.BooleanField(default=False)
    accounts = models.ManyToManyField("hosting.Account", blank=True, related_name="+")
    membership_expires_at = models.DateTimeField(null=True, blank=True)
    # The person who sent it last, on whose permissions it depends.
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # Part of the link. It changes with every mail, so that earlier links stop working.
    nonce = models.UUIDField(default=uuid.uuid4)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    # When its mail was given up: refused by the mail server for good, or not taken for too long.
    mail_failed_at = models.DateTimeField(null=True, blank=True)
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_per_address",
            )
        ]
        indexes = [
            models.Index(
                fields=["email"], condition=models.Q(accepted_at=None, revoked_at=None), name="open_invitation_email"
            ),
            models.Index(fields=["invited_by", "sent_at"]),
        ]

    def __str__(self) -> str:
        return self.email

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at <= now


def normalised(email: str) -> str:
    """Return an address as invitations keep it: without spaces around it, in lower case."""
    return email.strip().lower()
