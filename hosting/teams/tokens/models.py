"""API tokens, with which programs authenticate. Rows hold a digest of the secret, never the secret itself."""

from django.db import models
from django.db.models.functions import Lower
from django.utils.translation import gettext_lazy as _

from hosting.teams.models import Membership, Team, User
from hosting.teams.roles import Permission


class ApiToken(models.Model):
    """A personal token of `owner` in one team, or a team token (`owner` None). A row is never reused."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="api_tokens")
    # CASCADE, because a personal token without its owner would become a team token.
    owner = models.ForeignKey(User, models.CASCADE, null=True, related_name="api_tokens")
    # The membership under which a personal token was created. When it ends the token ends, even if the person comes
    # back.
    membership = models.ForeignKey(Membership, models.SET_NULL, null=True, related_name="+")
    created_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(_("name"), max_length=60)
    # SHA-256 of the secret, in hexadecimal. A slow hash protects passwords that can be guessed; 256 random bits cannot,
    # and with a fast hash a unique index finds the row.
    digest = models.CharField(max_length=64, unique=True)
    # The beginning of the secret, by which people recognise it in a list.
    prefix = models.CharField(max_length=16)
    permissions = models.JSONField(default=list)
    # A narrowed token covers only `accounts`: none at all when there are none.
    narrowed = models.BooleanField(default=False)
    accounts = models.ManyToManyField("hosting.Account", blank=True, related_name="+")
    # CIDR networks from which it may be used; everywhere when empty.
    networks = models.JSONField(default=list)
    expires_at = models.DateTimeField()
    # Both are written at most once a minute.
    last_used_at = models.DateTimeField(null=True, blank=True)
    last_used_from = models.CharField(max_length=45, blank=True)
    # When a refusal was last written to the audit log.
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
        """The permissions of the token; for a personal token, the owner's role must have them as well."""
        return frozenset(permission for permission in Permission if permission in self.permissions)
