"""Products, operations, and what has changed."""

from django.db import models

from hosting.provider.models.accounts import Handle, HostingAccount
from hosting.provider.models.machines import Disk, Vm


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
        BILL = "BILL"
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
    # A password and what a new VM runs at its first boot, on their way to the driver, encrypted; emptied when the
    # operation ends.
    sealed_password = models.TextField(default="", editable=False)
    sealed_user_data = models.TextField(default="", editable=False)
    unit_price = models.DecimalField(max_digits=12, decimal_places=6, default=0)
    # What a purchase keeps of the balance from its acceptance on, in EUR; refunds keep nothing.
    reserved = models.DecimalField(max_digits=12, decimal_places=2, default=0)
    # Who carries it out, and until when nobody else does (`engine.leases`); empty between two steps.
    runner = models.CharField(max_length=32, default="", editable=False)
    lease_until = models.DateTimeField(null=True, editable=False)
    # The sentence with which it will end, once the driver has cleaned up.
    failure = models.CharField(max_length=255, default="", editable=False)
    # How often in a row it did not get on, and how often the driver broke in all.
    setbacks = models.PositiveSmallIntegerField(default=0, editable=False)
    faults = models.PositiveSmallIntegerField(default=0, editable=False)
    scripted_failure = models.CharField(max_length=200, default="")
    last_error = models.CharField(max_length=255, default="")
    date_due = models.DateTimeField(null=True)  # when the next step is to be taken
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
