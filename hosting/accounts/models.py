"""A team's login at a provider, and the endpoint that serves it."""

from datetime import timedelta

from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.teams.models import Membership, Team


class Endpoint(models.Model):
    """One Hosting API address. The operator of the panel names them (`API_ENDPOINTS`); members choose among them."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    url = models.URLField(_("address"))
    offered = models.BooleanField(default=True)
    # The endpoint has not answered since then; None while it answers. One call probes it at `probe_due_at`.
    away_since = models.DateTimeField(null=True, blank=True)
    probe_due_at = models.DateTimeField(null=True, blank=True)

    def __str__(self) -> str:
        return self.name


class AccountQuerySet(models.QuerySet["Account"]):
    def visible_to(self, member: Membership) -> "AccountQuerySet":
        """The accounts of the member's team: the only way in from the web."""
        return self.filter(team=member.team_id)


class Account(models.Model):
    """A reseller login at an endpoint, acting as one handle, shared by a team."""

    class Trouble(models.TextChoices):
        """Why no call is made for this account until a person has looked at it."""

        NONE = "", _("None")
        CREDENTIALS = "credentials", _("The provider refused the login or its password")
        HANDLE = "handle", _("The login may not act as this handle")
        SEAL = "seal", _("The stored password cannot be read with today's keys")

    team = models.ForeignKey(Team, models.CASCADE, related_name="accounts")
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="accounts")
    label = models.CharField(_("label"), max_length=100)
    login = models.CharField(_("login"), max_length=100)
    handle = models.CharField(_("handle"), max_length=100)
    sealed_password = models.TextField()
    trouble = models.CharField(max_length=20, choices=Trouble.choices, default=Trouble.NONE, blank=True)
    # What pages show has a version; it grows with every change of the mirror or of an operation.
    version = models.PositiveBigIntegerField(default=1)
    # The provider's clock minus ours, in seconds, as its answers showed it.
    clock_offset_s = models.FloatField(default=0.0)
    # Where the reading of the provider's operation list stands (the provider's clock), and when that was read (ours).
    operations_cursor = models.DateTimeField(null=True, blank=True)
    operations_read_at = models.DateTimeField(null=True, blank=True)
    # When the next look at open operations, the next round of the mirror and the next full re-read are due.
    track_due_at = models.DateTimeField(null=True, blank=True)
    round_due_at = models.DateTimeField(null=True, blank=True)
    reread_due_at = models.DateTimeField(null=True, blank=True)
    # When a round last ended well: the age of everything the pages show.
    mirrored_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["label", "id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "endpoint", "login", "handle"], name="one_account_per_login_and_handle"
            )
        ]

    def __str__(self) -> str:
        return self.label

    @property
    def clock_offset(self) -> timedelta:
        return timedelta(seconds=self.clock_offset_s)
