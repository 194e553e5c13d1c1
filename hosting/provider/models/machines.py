"""VMs, their network interfaces and disks."""

from django.db import models

from hosting.provider.models.accounts import HostingAccount
from hosting.provider.models.addresses import Address
from hosting.provider.models.catalogue import OsImage
from hosting.provider.models.hosts import Host


class Vm(models.Model):
    class Wanted(models.TextChoices):
        RUNNING = "running"
        HALTED = "halted"

    class State(models.TextChoices):
        BEING_CREATED = "being_created"
        RUNNING = "running"
        HALTED = "halted"
        PAUSED = "paused"
        LOCKED = "locked"
        INVALID = "invalid"
        DELETED = "deleted"

    account = models.ForeignKey(HostingAccount, models.PROTECT, related_name="vms")
    hostname = models.CharField(max_length=253)
    state = models.CharField(max_length=16, choices=State.choices, default=State.BEING_CREATED)
    description = models.CharField(max_length=255, blank=True)
    os = models.ForeignKey(OsImage, models.PROTECT, related_name="+")
    login = models.CharField(max_length=32, blank=True, help_text="the user that it has besides root")
    ssh_keys = models.JSONField(default=list, editable=False)  # public keys of root and `login`, until it is deleted
    host = models.ForeignKey(Host, models.PROTECT, null=True, blank=True, related_name="vms")
    # VMs of the demonstration are rows alone until they are first started, where hosts are real.
    made = models.BooleanField(default=False, editable=False, help_text="it exists on its host")
    shares = models.PositiveIntegerField()
    cores = models.PositiveIntegerField()
    vm_max_memory = models.PositiveIntegerField(help_text="in MB")
    # The password of a new installation, encrypted, until the guest has read it at its first start.
    sealed_password = models.TextField(default="", editable=False)
    # What operations left it in. `state` is what it is: the engine compares it with its host (`engine.reconcile`).
    wanted = models.CharField(max_length=7, choices=Wanted.choices, default=Wanted.RUNNING)
    # Until when the engine starts, pauses or resumes it, and begins no operation.
    held_until = models.DateTimeField(null=True, editable=False)
    # How often the engine started it again after crashes, since when.
    restarts = models.PositiveSmallIntegerField(default=0, editable=False)
    restarts_since = models.DateTimeField(null=True, editable=False)
    date_failed = models.DateTimeField(null=True, editable=False)  # when an operation on it ended in ERROR
    # When the shares ended for which the provider paused it; the provider starts it again when there are enough.
    shares_ended = models.DateTimeField(null=True, blank=True)
    date_created = models.DateTimeField()
    date_updated = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["account", "state"]),
            # What is used of a host is read from this index alone.
            models.Index(fields=["host", "state", "shares", "vm_max_memory"], name="vms_of_a_host"),
            models.Index(fields=["account"], name="paused_vms", condition=models.Q(shares_ended__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.hostname}"


class Interface(models.Model):
    """A VM's network interface with its two addresses."""

    vm = models.OneToOneField(Vm, models.CASCADE, related_name="interface")
    ipv4 = models.OneToOneField(Address, models.PROTECT, related_name="+")
    ipv6 = models.OneToOneField(Address, models.PROTECT, related_name="+")


class Disk(models.Model):
    class State(models.TextChoices):
        BEING_CREATED = "being_created"
        CREATED = "created"
        ATTACHED = "attached"
        ERROR = "error"
        DELETED = "deleted"

    class Type(models.TextChoices):
        DATA = "data"
        SYSTEM = "system"

    account = models.ForeignKey(HostingAccount, models.PROTECT, related_name="disks")
    name = models.CharField(max_length=64)
    size = models.PositiveIntegerField(help_text="in MB")
    fstype = models.CharField(max_length=16)
    type = models.CharField(max_length=8, choices=Type.choices, default=Type.DATA)
    os = models.ForeignKey(OsImage, models.PROTECT, null=True, blank=True, related_name="+")  # of a system disk
    state = models.CharField(max_length=16, choices=State.choices, default=State.BEING_CREATED)
    vm = models.ForeignKey(Vm, models.SET_NULL, null=True, blank=True, related_name="disks")
    host = models.ForeignKey(Host, models.PROTECT, null=True, blank=True, related_name="disks")
    made = models.BooleanField(default=False, editable=False, help_text="its volume exists on its host")
    position = models.PositiveIntegerField(null=True, blank=True, help_text="0 is the boot disk")
    # Each content has a volume of its own, which is named by both.
    generation = models.PositiveIntegerField(default=0, editable=False, help_text="how often its content was made anew")
    date_created = models.DateTimeField()
    date_updated = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["account", "state"]),
            models.Index(fields=["host", "state", "size"], name="disks_of_a_host"),
        ]
        constraints = [
            models.UniqueConstraint(fields=["vm", "position"], name="one_disk_at_a_position"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.name}"
