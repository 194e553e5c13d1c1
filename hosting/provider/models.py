"""The provider's data: customers, what they have, and their operations.

Rows are the truth. Nothing happens in `save()`: what changes together is changed by a named function, in one
transaction.
"""

from django.db import models


class Handle(models.Model):
    """A person or company known to the provider. A handle with a reseller is that reseller's customer."""

    handle = models.CharField(max_length=32, unique=True)
    fullname = models.CharField(max_length=200)
    password = models.CharField(max_length=200, blank=True, editable=False)  # a hash; empty: cannot log in
    reseller = models.ForeignKey("self", models.PROTECT, null=True, blank=True, related_name="customers")
    date_created = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return self.handle


class HostingAccount(models.Model):
    """The holder of a handle's shares, VMs and disks. A handle without one cannot use the hosting methods."""

    handle = models.OneToOneField(Handle, models.PROTECT, related_name="hosting_account")
    # The number of its latest change, and the highest that was forgotten (`news`).
    changes_made = models.PositiveBigIntegerField(default=0, editable=False)
    changes_forgotten = models.PositiveBigIntegerField(default=0, editable=False)

    def __str__(self) -> str:
        return f"{self.pk} ({self.handle})"


class ApiSession(models.Model):
    """A session of the API: `login` opened it, and it has the rights of `handle`. Only a digest is stored."""

    digest = models.CharField(max_length=64, primary_key=True)
    login = models.ForeignKey(Handle, models.CASCADE, related_name="+")
    handle = models.ForeignKey(Handle, models.CASCADE, related_name="+")
    safe = models.BooleanField()
    date_end = models.DateTimeField(db_index=True)


class KeptAnswer(models.Model):
    """The first answer to a change that was asked for with a key (`sharedeck.once`): its result, or its fault.

    The digest tells whether the same key comes with the same call; it is keyed, because a call may hold a password.
    """

    handle = models.ForeignKey(Handle, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=64)
    digest = models.CharField(max_length=64)
    result = models.JSONField(null=True)
    fault_code = models.PositiveIntegerField(null=True)
    fault_text = models.TextField(blank=True)
    date_created = models.DateTimeField()

    class Meta:
        constraints = [models.UniqueConstraint(fields=["handle", "key"], name="one_answer_per_key")]
        indexes = [models.Index(fields=["handle", "date_created"])]


class Price(models.Model):
    """What one unit (a share, or a MB of disk) costs a month."""

    product_name = models.CharField(max_length=32, unique=True)
    amount = models.DecimalField(max_digits=12, decimal_places=6, help_text="for one unit and month, in EUR")

    def __str__(self) -> str:
        return self.product_name


class OsImage(models.Model):
    """An operating system that a VM can be created with."""

    label = models.CharField(max_length=100)
    arch = models.CharField(max_length=16, choices=[("x86-32", "x86-32"), ("x86-64", "x86-64")])
    family = models.CharField(max_length=32, default="linux")
    kernel_version = models.CharField(max_length=64)
    min_disk = models.PositiveIntegerField(help_text="size of the system disk, in MB")
    visibility = models.CharField(max_length=16, default="all")
    offered = models.BooleanField(default=True, help_text="listed, and open to new VMs")

    def __str__(self) -> str:
        return self.label


class Vm(models.Model):
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
    shares = models.PositiveIntegerField()
    cores = models.PositiveIntegerField()
    vm_max_memory = models.PositiveIntegerField(help_text="in MB")
    # When the shares ended for which the provider paused it; the provider starts it again when there are enough.
    shares_ended = models.DateTimeField(null=True, blank=True)
    date_created = models.DateTimeField()
    date_updated = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["account", "state"]),
            models.Index(fields=["account"], name="paused_vms", condition=models.Q(shares_ended__isnull=False)),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.hostname}"


class Interface(models.Model):
    """A VM's network interface with its two addresses."""

    vm = models.OneToOneField(Vm, models.CASCADE, related_name="interface")
    ipv4 = models.GenericIPAddressField(protocol="IPv4")
    ipv6 = models.GenericIPAddressField(protocol="IPv6")
    reverse = models.CharField(max_length=253, blank=True)


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
    state = models.CharField(max_length=16, choices=State.choices, default=State.BEING_CREATED)
    vm = models.ForeignKey(Vm, models.SET_NULL, null=True, blank=True, related_name="disks")
    position = models.PositiveIntegerField(null=True, blank=True, help_text="0 is the boot disk")
    date_created = models.DateTimeField()
    date_updated = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["account", "state"])]
        constraints = [
            models.UniqueConstraint(fields=["vm", "position"], name="one_disk_at_a_position"),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.name}"


class Product(models.Model):
    """Capacity that was bought for a time."""

    class State(models.TextChoices):
        PENDING = "pending"
        ACTIVE = "active"  # until its redemption has passed; whether it has ended is read from `date_end`
        REMOVED = "removed"

    class Phase(models.TextChoices):
        RUNNING = "running"
        REDEMPTION = "redemption"
        OVER = "over"

    account = models.ForeignKey(HostingAccount, models.PROTECT, related_name="products")
    product_name = models.CharField(max_length=32)
    quantity = models.PositiveIntegerField(help_text="shares, or MB")
    duration = models.CharField(max_length=4)
    unit_price = models.DecimalField(max_digits=12, decimal_places=6, help_text="the least paid; refunds use it")
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    date_created = models.DateTimeField()
    date_end = models.DateTimeField(db_index=True)
    anchor_day = models.PositiveSmallIntegerField(help_text="the day of the month on which it was bought")
    autorenew = models.BooleanField(default=False, help_text="renewed before it ends, when the balance covers it")
    # What clients were told of its age (`engine.expiry`).
    phase = models.CharField(max_length=10, choices=Phase.choices, default=Phase.RUNNING, editable=False)
    # The end for which staff were told that it could not be renewed.
    autorenew_refused_for = models.DateTimeField(null=True, blank=True, editable=False)

    def __str__(self) -> str:
        return f"{self.pk} {self.product_name}"


class Operation(models.Model):
    class State(models.TextChoices):
        PENDING = "PENDING"
        RUN = "RUN"
        ERROR = "ERROR"
        CANCEL = "CANCEL"
        DONE = "DONE"

    class Step(models.TextChoices):
        PENDING = "PENDING"
        BILL = "BILL"  # claimed; what it needs is checked again
        RUN = "RUN"  # in the hands of the driver
        ERROR = "ERROR"
        CANCEL = "CANCEL"
        DONE = "DONE"

    OPEN = (State.PENDING, State.RUN)

    account = models.ForeignKey(HostingAccount, models.PROTECT, related_name="operations")
    source = models.ForeignKey(Handle, models.PROTECT, related_name="+")
    type = models.CharField(max_length=40)
    state = models.CharField(max_length=8, choices=State.choices, default=State.PENDING)
    step = models.CharField(max_length=8, choices=Step.choices, default=Step.PENDING)
    vm = models.ForeignKey(Vm, models.PROTECT, null=True, related_name="operations")
    disk = models.ForeignKey(Disk, models.PROTECT, null=True, related_name="operations")
    product = models.ForeignKey(Product, models.PROTECT, null=True, related_name="operations")
    params = models.JSONField(default=dict)
    # A password on its way to the driver, encrypted; emptied when the operation ends.
    sealed_password = models.TextField(default="", editable=False)
    unit_price = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    # What a purchase keeps of the balance from its acceptance on, in EUR; refunds keep nothing.
    reserved = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    # The driver's own note to find its work again, for instance after a restart.
    driver_token = models.CharField(max_length=200, default="")
    scripted_failure = models.CharField(max_length=200, default="")
    last_error = models.CharField(max_length=255, default="")
    date_due = models.DateTimeField(null=True)  # when the engine looks again
    date_expected = models.DateTimeField(null=True)  # when the driver thinks it will be done
    date_created = models.DateTimeField()
    date_start = models.DateTimeField(null=True)
    date_updated = models.DateTimeField()

    class Meta:
        indexes = [
            models.Index(fields=["account", "-id"]),
            models.Index(fields=["account", "date_updated"]),
            models.Index(fields=["account", "date_created"]),
            models.Index(
                fields=["state", "date_due"],
                name="open_operations",
                condition=models.Q(state__in=["PENDING", "RUN"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.pk} {self.type} {self.state}"


class ChangedObject(models.Model):
    """The latest change of an object of a hosting account (`news`)."""

    class Type(models.TextChoices):
        VM = "vm"
        DISK = "disk"
        PRODUCT = "product"
        OPERATION = "operation"
        ACCOUNT = "account"

    account = models.ForeignKey(HostingAccount, models.CASCADE, related_name="+", db_index=False)
    type = models.CharField(max_length=9, choices=Type.choices)
    object_id = models.PositiveIntegerField()
    number = models.PositiveBigIntegerField()
    date = models.DateTimeField(db_index=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["account", "type", "object_id"], name="one_change_per_object")]
        indexes = [models.Index(fields=["account", "number"])]


class LedgerAccount(models.Model):
    """One account of the books: a handle's prepaid one, or one of the provider's own."""

    code = models.CharField(max_length=40, unique=True)
    handle = models.OneToOneField(Handle, models.PROTECT, null=True, blank=True, related_name="prepaid_account")

    def __str__(self) -> str:
        return self.code


class LedgerTransaction(models.Model):
    """Money that moved at once. The entries of a transaction sum to zero."""

    # Unique, so that no operation can be paid twice.
    operation = models.OneToOneField(Operation, models.PROTECT, null=True, blank=True)
    description = models.CharField(max_length=200)
    date = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.pk} {self.description}"


class LedgerEntry(models.Model):
    transaction = models.ForeignKey(LedgerTransaction, models.PROTECT, related_name="entries")
    account = models.ForeignKey(LedgerAccount, models.PROTECT, related_name="entries")
    amount = models.DecimalField(max_digits=14, decimal_places=2)
