"""The mirror: the state of an account at the provider, as last read. Pages read these rows and never the API."""

from typing import Self

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.accounts.models import Account
from hosting.api.fields import LONGEST_NAME
from hosting.teams.models import Membership


class MirrorQuerySet(models.QuerySet):  # type: ignore[type-arg]
    """Rows of accounts. The web reaches them through `visible_to` only."""

    def visible_to(self, member: Membership) -> Self:
        return self.filter(account__in=Account.objects.visible_to(member))


class AccountInfo(models.Model):
    """Balance and capacity of an account. `granted`, `used`, `available` and `expired` hold `capacity.Amounts`."""

    account = models.OneToOneField(Account, models.CASCADE, related_name="info")
    handle = models.CharField(max_length=100)
    fullname = models.CharField(max_length=200, blank=True)
    currency = models.CharField(max_length=3)
    balance = models.DecimalField(max_digits=14, decimal_places=2)
    share_definition = models.JSONField(default=dict)
    granted = models.JSONField(default=dict)
    used = models.JSONField(default=dict)
    available = models.JSONField(default=dict)
    expired = models.JSONField(default=dict)
    # The provider's price list: what one unit of each product costs a month, as decimal text, by the product's name.
    # Empty where the provider has none.
    prices = models.JSONField(default=dict)
    # When the reading began: it includes operations that were accepted before, and none that were requested later.
    read_at = models.DateTimeField()
    # See `MirrorRow`.
    written_at = models.DateTimeField(default=timezone.now)

    objects = MirrorQuerySet.as_manager()


class BalanceSample(models.Model):
    """The balance of an account, stored when it changes."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="balance_samples")
    # When the first reading with this balance began, and the last one; None when there was only one.
    at = models.DateTimeField()
    last_at = models.DateTimeField(null=True, blank=True)
    balance = models.DecimalField(max_digits=14, decimal_places=2)
    # The balance changed between the start of the last reading with another balance and the end of the first one with
    # this. None for an account's first sample, which is not a change.
    moved_after = models.DateTimeField(null=True, blank=True)
    moved_before = models.DateTimeField(null=True, blank=True)
    # Whether the change was matched with operations: see `operations.costs`.
    weighed = models.BooleanField(default=False)
    # The sum of all decreases so far. It stays exact when samples are thinned out.
    spent = models.DecimalField(max_digits=16, decimal_places=2, default=0)

    class Meta:
        ordering = ["at"]
        indexes = [
            models.Index(fields=["account", "at"]),
            models.Index(fields=["account"], condition=models.Q(weighed=False), name="balance_samples_to_weigh"),
        ]


class CapacitySample(models.Model):
    """Granted and used capacity of an account, stored when it changes."""

    account = models.ForeignKey(Account, models.CASCADE, related_name="capacity_samples", db_index=False)
    at = models.DateTimeField()
    granted_shares = models.FloatField()
    used_shares = models.FloatField()
    granted_memory_mb = models.FloatField()
    used_memory_mb = models.FloatField()
    granted_disk_mb = models.FloatField()
    used_disk_mb = models.FloatField()

    class Meta:
        ordering = ["at"]
        indexes = [models.Index(fields=["account", "at"])]


class MirrorRow(models.Model):
    """Columns of every mirrored object: the provider's id, when it was read, and when that reading was written.

    A reading that began before the row was written may be older than the row (`apply`).
    """

    # Every index of these tables begins with the account. An index on the account alone would mislead SQLite's planner.
    account = models.ForeignKey(Account, models.CASCADE, related_name="%(class)s_set", db_index=False)
    remote_id = models.PositiveIntegerField()
    read_at = models.DateTimeField()
    written_at = models.DateTimeField(default=timezone.now)

    objects = MirrorQuerySet.as_manager()

    class Meta:
        abstract = True
        ordering = ["remote_id"]


class Product(MirrorRow):
    """A prepaid product: flexible shares, fixed shares (`quantity` counts shares) or disk quota (MB)."""

    class Name(models.TextChoices):
        SHARES = "shares", _("Shares")
        SHARES_FIXED = "shares_fixed", _("Fixed shares")
        DISK = "disk", _("Disk quota")

    product_name = models.CharField(max_length=LONGEST_NAME)
    quantity = models.PositiveIntegerField()
    duration = models.CharField(max_length=LONGEST_NAME)
    date_created = models.DateTimeField(null=True)
    date_end = models.DateTimeField(null=True)
    autorenew = models.BooleanField(default=False)
    can_release = models.BooleanField(default=False)
    is_in_redemption = models.BooleanField(default=False)
    redemption_days = models.PositiveIntegerField(default=0)
    # Why each action is not possible, in the provider's words, by action: updating, renewing, removing, releasing.
    errors = models.JSONField(default=dict)

    class Meta(MirrorRow.Meta):
        abstract = False
        ordering = ["date_end", "remote_id"]
        constraints = [models.UniqueConstraint(fields=["account", "remote_id"], name="one_product_per_remote_id")]

    def __str__(self) -> str:
        return f"{dict(self.Name.choices).get(self.product_name, self.product_name)} #{self.remote_id}"

    @property
    def is_of_shares(self) -> bool:
        """Whether `quantity` counts shares. That of a product that is not known here has the provider's own unit."""
        return self.product_name in (self.Name.SHARES, self.Name.SHARES_FIXED)


class Vm(MirrorRow):
    """A server."""

    class State(models.TextChoices):
        BEING_CREATED = "being_created", _("Creating")
        RUNNING = "running", _("Running")
        HALTED = "halted", _("Stopped")
        PAUSED = "paused", _("Paused by the provider")
        LOCKED = "locked", _("Locked")
        INVALID = "invalid", _("Creation failed")
        DELETED = "deleted", _("Deleted")

    hostname = models.CharField(max_length=255)
    state = models.CharField(max_length=LONGEST_NAME, choices=State.choices)
    description = models.TextField(blank=True)
    os_id = models.PositiveIntegerField(null=True)
    os_label = models.CharField(max_length=200, blank=True)
    shares = models.PositiveIntegerField()
    flex_shares = models.PositiveIntegerField(default=0)
    cores = models.PositiveIntegerField()
    memory_mb = models.PositiveIntegerField()
    vm_max_memory_mb = models.PositiveIntegerField()
    console = models.CharField(max_length=255, blank=True)
    ifaces = models.JSONField(default=list)
    date_created = models.DateTimeField(null=True)
    date_updated = models.DateTimeField(null=True)
    # When the shares ended for which the provider paused it.
    shares_ended = models.DateTimeField(null=True)

    class Meta(MirrorRow.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["account", "remote_id"], name="one_vm_per_remote_id")]
        # One for each order of the list, including the name for searches: a page is found from the index alone.
        indexes = [
            models.Index(fields=["account", "hostname", "id"]),
            models.Index(fields=["account", "state", "hostname", "id"]),
            models.Index(fields=["account", "shares", "hostname", "id"]),
        ]

    def __str__(self) -> str:
        return self.hostname.strip() or f"#{self.remote_id}"

    @property
    def is_state_known(self) -> bool:
        """Whether Sharedeck knows the state. In another one the provider decides what is possible."""
        return self.state in self.State.values

    def address(self, ip_id: int) -> dict[str, object] | None:
        """The address with the provider's id, as in `ifaces`; None when the server has none."""
        return next((ip for iface in self.ifaces for ip in iface["ips"] if ip.get("id") == ip_id), None)


class Disk(MirrorRow):
    """A disk, attached to at most one server (`vm_remote_id`), at `position` among that server's disks.

    `device` is its device name on the server; empty until somebody opens the server's page, which reads it.
    """

    class State(models.TextChoices):
        BEING_CREATED = "being_created", _("Creating")
        CREATED = "created", _("Unattached")
        ATTACHED = "attached", _("Attached")
        ERROR = "error", _("Error")
        DELETED = "deleted", _("Deleted")

    name = models.CharField(max_length=255)
    label = models.CharField(max_length=255, blank=True)
    size_mb = models.PositiveIntegerField()
    fstype = models.CharField(max_length=LONGEST_NAME, blank=True)
    type = models.CharField(max_length=LONGEST_NAME, blank=True)
    state = models.CharField(max_length=LONGEST_NAME, choices=State.choices)
    is_boot_disk = models.BooleanField(default=False)
    can_snapshot = models.BooleanField(default=False)
    vm_remote_id = models.PositiveIntegerField(null=True)
    position = models.PositiveIntegerField(null=True)
    device = models.CharField(max_length=64, blank=True, default="")
    date_created = models.DateTimeField(null=True)
    date_updated = models.DateTimeField(null=True)

    class Meta(MirrorRow.Meta):
        abstract = False
        constraints = [models.UniqueConstraint(fields=["account", "remote_id"], name="one_disk_per_remote_id")]
        # As for servers, and one for the disks of a server.
        indexes = [
            models.Index(fields=["account", "name", "id"]),
            models.Index(fields=["account", "state", "name", "id"]),
            models.Index(fields=["account", "size_mb", "name", "id"]),
            models.Index(fields=["account", "fstype", "name", "id"]),
            models.Index(fields=["account", "vm_remote_id"]),
            # The number and size of unattached disks, from the index alone.
            models.Index(fields=["account", "state", "size_mb"]),
        ]

    def __str__(self) -> str:
        return self.name.strip() or f"#{self.remote_id}"

    @property
    def is_state_known(self) -> bool:
        """See `Vm.is_state_known`."""
        return self.state in self.State.values


class OsImage(MirrorRow):
    """An operating system that this account may install; `remote_id` is the `os_id`."""

    label = models.CharField(max_length=200)
    arch = models.CharField(max_length=LONGEST_NAME, blank=True)
    family = models.CharField(max_length=50, blank=True)
    kernel_version = models.CharField(max_length=100, blank=True)
    min_disk_mb = models.PositiveIntegerField(default=0)
    visibility = models.CharField(max_length=50, blank=True)

    class Meta(MirrorRow.Meta):
        abstract = False
        ordering = ["label", "remote_id"]
        constraints = [models.UniqueConstraint(fields=["account", "remote_id"], name="one_os_image_per_remote_id")]

    def __str__(self) -> str:
        return self.label


class Change(models.Model):
    """An external change: an object changed at the provider, and no operation of Sharedeck explains it."""

    class What(models.TextChoices):
        APPEARED = "appeared", _("Added")
        CHANGED = "changed", _("Changed")
        VANISHED = "vanished", _("Removed")

    account = models.ForeignKey(Account, models.CASCADE, related_name="changes")
    at = models.DateTimeField(auto_now_add=True)
    what = models.CharField(max_length=10, choices=What.choices)
    object_type = models.CharField(max_length=10)
    remote_id = models.PositiveIntegerField()
    name = models.CharField(max_length=255, blank=True)
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)

    objects = MirrorQuerySet.as_manager()

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["account", "-id"])]


class VmFigures(models.Model):
    """What the provider has measured of a server: a copy of the last 48 hours, read when somebody looks at it.

    `samples`: rows as `inventory.figures.Sample`, oldest first.
    """

    vm = models.OneToOneField(Vm, models.CASCADE, primary_key=True, related_name="figures")
    read_at = models.DateTimeField()
    samples = models.JSONField(default=list)
