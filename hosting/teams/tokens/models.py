"""API tokens: what a program holds in place of a session. The rows know a digest of the secret, never the secret."""

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Permission


class ApiToken(models.Model):
    """A token of a person in one team (`owner`), or of the team itself (`owner` None). A row is never reused."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="api_tokens")
    # CASCADE, because without its owner a person's token would become one of the team.
    owner = models.ForeignKey(User, models.CASCADE, null=True, related_name="api_tokens")
    # The membership that a person's token was made under: once it is gone the token is dead, even if they come back.
    membership = models.ForeignKey(Membership, models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    # SHA-256 of the secret, in hexadecimal. A slow hash protects what people can guess; nobody guesses 256 bits of
    # chance, and a quick one lets a unique index find the row.
    digest = models.CharField(max_length=64, unique=True)
    # How the secret begins, so that its holder knows it again in a list.
    prefix = models.CharField(max_length=16)
    permissions = models.JSONField(default=list)
    # A narrowed token holds for `accounts` alone: for none of them when there are none.
    narrowed = models.BooleanField(default=False)
    accounts = models.ManyToManyField("hosting.Account", blank=True, related_name="+")
    # Where it may be used from, as CIDR; anywhere when empty.
    networks = models.JSONField(default=list)
    expires_at = models.DateTimeField()
    # Both are written at most once a minute.
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.CharField(max_length=45, blank=True)
    # When the trail last heard that it was refused.
    refused_at = models.DateTimeField(null=True, blank=True)
    revoked_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                Lower("name"),
                "team",
                "owner",
                condition=models.Q(revoked_at=None, owner__isnull=False),
                name="one_token_per_name_and_person",
            ),
            models.UniqueConstraint(
                Lower("name"),
                "team",
                condition=models.Q(revoked_at=None, owner=None),
                name="one_token_per_name_and_team",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_personal(self) -> bool:
        return self.owner_id is not None

    def held(self) -> frozenset[Permission]:
        """What it was given; for a person's token their role must hold it as well."""
        return frozenset(permission for permission in Permission if permission in self.permissions)
