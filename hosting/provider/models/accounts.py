"""Customers, their sessions, and the first answers to their calls with a key."""

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
