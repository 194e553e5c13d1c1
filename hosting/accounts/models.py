"""Provider endpoints, the accounts that teams connect there, and new credentials under test."""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.teams.models import Membership, Team, User


class Endpoint(models.Model):
    """The address of one Hosting API. The panel's operator lists them in `API_ENDPOINTS`; members choose from them."""

    name = models.CharField(_("name"), max_length=100, unique=True)
    url = models.URLField(_("address"))
    offered = models.BooleanField(default=True)
    # Since when the endpoint has not answered; None while it does. One call probes it at `probe_due_at`.
    away_since = models.DateTimeField(null=True, blank=True)
    probe_due_at = models.DateTimeField(null=True, blank=True)
    # What it has beyond version 1 of the API (methods, and keys of specs), as `accounts.extensions` read it last.
    extensions = models.JSONField(default=list, blank=True)

    def __str__(self) -> str:
        return self.name


class AccountQuerySet(models.QuerySet["Account"]):
    def visible_to(self, member: Membership) -> "AccountQuerySet":
        """The accounts that the member's role covers. The web must not reach accounts in any other way."""
        return self.visible_to_any([member])

    def visible_to_any(self, members: Iterable[Membership]) -> "AccountQuerySet":
        """The accounts of several memberships, such as all of one person."""
        members = list(members)
        seen = models.Q(team__in=[member.team_id for member in members if member.holds_for_all()])
        if narrowed := [member.pk for member in members if member.narrowed and member.within is None]:
            seen |= models.Q(pk__in=_accounts_of(narrowed))
        for member in members:
            # An API token may narrow the accounts further.
            if member.within is not None:
                left = models.Q(team=member.team_id, pk__in=member.within)
                seen |= left & models.Q(pk__in=_accounts_of([member.pk])) if member.narrowed else left
        return self.filter(seen)


def _accounts_of(memberships: Iterable[int]) -> "models.QuerySet[Any, Any]":
    """The keys of the accounts that narrowed memberships cover."""
    return Membership.accounts.through.objects.filter(membership__in=memberships).values("account")


class Account(models.Model):
    """A team's account: a reseller login at an endpoint and the handle it acts as."""

    class Trouble(models.TextChoices):
        """Why no call is made for this account until a person fixes it."""

        NONE = "", _("None")
        CREDENTIALS = "credentials", _("The provider rejected the credentials")
        HANDLE = "handle", _("These credentials can't act as this handle")
        SEAL = "seal", _("The stored password can't be decrypted with the current keys")
        # It was just connected and its credentials were not tested yet.
        UNTESTED = "untested", _("The credentials haven't been tested yet")

    team = models.ForeignKey(Team, models.CASCADE, related_name="accounts")
    endpoint = models.ForeignKey(Endpoint, models.PROTECT, related_name="accounts")
    label = models.CharField(_("label"), max_length=100)
    login = models.CharField(_("login"), max_length=100)
    handle = models.CharField(_("handle"), max_length=100)
    sealed_password = models.TextField()
    trouble = models.CharField(max_length=20, choices=Trouble.choices, default=Trouble.NONE, blank=True)
    # The version of what pages show: it grows with every change of the mirror or of an operation.
    version = models.PositiveBigIntegerField(default=1)
    # The provider's clock minus ours, in seconds, from the Date header of its answers.
    clock_offset_s = models.FloatField(default=0.0)
    # Up to when the provider's operation list was read (provider's clock), and when that was (our clock).
    operations_cursor = models.DateTimeField(null=True, blank=True)
    operations_read_at = models.DateTimeField(null=True, blank=True)
    # When the next check of open operations, the next mirror round and the next full re-read are due.
    track_due_at = models.DateTimeField(null=True, blank=True)
    round_due_at = models.DateTimeField(null=True, blank=True)
    reread_due_at = models.DateTimeField(null=True, blank=True)
    # When a full re-read that has not ended yet was begun. A round that stops is continued by the next one.
    reread_since = models.DateTimeField(null=True, blank=True)
    # The ages of what pages show. The lists of servers and disks are as of the first, and each server and disk was
    # read after the second, or was unchanged then. Balance, capacity and products: `AccountInfo.read_at`.
    mirrored_at = models.DateTimeField(null=True, blank=True)
    details_at = models.DateTimeField(null=True, blank=True)
    # Up to where the provider's changes were read (`operations.following`); empty while they are not followed. The
    # listener that waits for the next ones has claimed the account until then.
    changes_cursor = models.CharField(max_length=200, blank=True, default="")
    listening_until = models.DateTimeField(null=True, blank=True)
    # When a server or disk was last removed from the mirror: an older reading must not bring it back.
    vanished_at = models.DateTimeField(null=True, blank=True)
    # Since when nothing can be read although the endpoint answers, and why (`inventory.unread`).
    unread_since = models.DateTimeField(null=True, blank=True)
    unread_problem = models.JSONField(default=dict, blank=True)
    # When a member asked for a round that has not ended yet.
    sync_requested_at = models.DateTimeField(null=True, blank=True)
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

    def on_our_clock(self, moment: datetime | None) -> datetime | None:
        """Convert a time of the provider's clock to ours; None when it is out of range."""
        try:
            return moment and moment - self.clock_offset
        except OverflowError:
            return None


class Candidate(models.Model):
    """The latest new credentials of an account, which replace those in use once the provider accepts them.

    The password is stored here only while the test is open.
    """

    class State(models.TextChoices):
        TESTING = "testing", _("Testing")
        # The provider did not answer; the test is retried for a day.
        UNANSWERED = "unanswered", _("Waiting for the provider")
        ACCEPTED = "accepted", _("Accepted by the provider")
        REFUSED = "refused", _("Rejected by the provider")
        EXPIRED = "expired", _("Test timed out")

    class Refusal(models.TextChoices):
        """Why the provider or the panel refused the credentials."""

        NONE = "", _("None")
        CREDENTIALS = "credentials", _("The provider rejected the credentials")
        HANDLE = "handle", _("These credentials can't act as this handle")
        SEAL = "seal", _("The password can't be decrypted with the current keys")
        TAKEN = "taken", _("Your team already has an account with this login and handle")

    OPEN = (State.TESTING, State.UNANSWERED)

    account = models.OneToOneField(Account, models.CASCADE, related_name="candidate")
    login = models.CharField(max_length=100)
    handle = models.CharField(max_length=100)
    # Empty when the account's stored password is tested. Cleared when the test ends.
    sealed_password = models.TextField(blank=True, default="")
    # Whether a new password was given: the result message depends on it.
    new_password = models.BooleanField(default=False)
    state = models.CharField(max_length=12, choices=State.choices, default=State.TESTING)
    refusal = models.CharField(max_length=12, choices=Refusal.choices, default=Refusal.NONE, blank=True)
    # The provider's message, scrubbed of secrets by the API client.
    said = models.CharField(max_length=255, blank=True, default="")
    requested_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    asked_at = models.DateTimeField()
    # When the sweep enqueues the next try; the worker that runs it has a claim until `claimed_until`.
    due_at = models.DateTimeField()
    claimed_until = models.DateTimeField(null=True, blank=True)
    ended_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        indexes = [
            models.Index(
                fields=["due_at"], condition=models.Q(state__in=("testing", "unanswered")), name="open_candidate_due"
            )
        ]

    @property
    def is_open(self) -> bool:
        return self.state in self.OPEN

    @property
    def needs_look(self) -> bool:
        """Whether the test failed, so that a person should look at it."""
        return self.state in (self.State.REFUSED, self.State.EXPIRED)
