"""Public SSH keys that new servers can be given. No private key is ever stored."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.teams.models import Team, User

LONGEST_NAME = 60
# "SHA256:" and 43 signs of base64.
_FINGERPRINT = 50


class SshKey(models.Model):
    """A public key of one person (`user`), or of a team. A person's keys are offered to them alone."""

    user = models.ForeignKey(User, models.CASCADE, null=True, related_name="ssh_keys")
    team = models.ForeignKey(Team, models.CASCADE, null=True, related_name="ssh_keys")
    added_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    name = models.CharField(_("name"), max_length=LONGEST_NAME)
    # The type and the key itself, as in a line of `authorized_keys`, and apart from them the comment of that line.
    kind = models.CharField(max_length=40)
    public_key = models.TextField()
    comment = models.CharField(max_length=200, blank=True)
    # As `ssh-keygen -l` prints it.
    fingerprint = models.CharField(max_length=_FINGERPRINT)
    created_at = models.DateTimeField(auto_now_add=True)
    # When a server was last created with it.
    last_used_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        ordering = ["id"]
        constraints = [
            models.CheckConstraint(
                condition=models.Q(user__isnull=False, team=None) | models.Q(user=None, team__isnull=False),
                name="an_ssh_key_is_a_persons_or_a_teams",
            ),
            models.UniqueConstraint(
                fields=["user", "fingerprint"], condition=models.Q(team=None), name="one_ssh_key_per_person"
            ),
            models.UniqueConstraint(
                fields=["team", "fingerprint"], condition=models.Q(user=None), name="one_ssh_key_per_team"
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def line(self) -> str:
        """The key as servers get it."""
        return f"{self.kind} {self.public_key} {self.comment or self.name}"
