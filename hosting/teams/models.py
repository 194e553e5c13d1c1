"""People: users, teams, memberships with a role, and the trail of who did what."""

from typing import ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from hosting.teams.roles import PERMISSIONS, NotAllowedError, Permission, Role

# Of one bulk; see `Team.bulk_at_once`.
MOST_AT_ONCE = 20


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, *, name: str = "") -> "User":
        """Create a person who signs in with `email`; without a password nobody can sign in as them."""
        user = self.model(email=self.normalize_email(email), name=name)
        user.set_password(password)
        user.save(using=self._db)
        return user


class User(AbstractBaseUser):
    """A person. They sign in with an e-mail address and may belong to several teams."""

    email = models.EmailField(_("e-mail address"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.name or self.email


class Team(models.Model):
    """People who manage the same reseller logins. Teams never see each other."""

    name = models.CharField(_("name"), max_length=100)
    # Operations of one bulk that are under way at once: the provider has other customers, and the team other wishes.
    bulk_at_once = models.PositiveSmallIntegerField(
        _("at once"), default=8, validators=[MinValueValidator(1), MaxValueValidator(MOST_AT_ONCE)]
    )
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="teams")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(bulk_at_once__range=(1, MOST_AT_ONCE)), name="some_of_a_bulk_at_once"
            )
        ]

    def __str__(self) -> str:
        return self.name


class Membership(models.Model):
    """A person in a team, with a role. It is the actor (`by=`) of everything that is asked of the domain."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=30, choices=Role.choices, default=Role.VIEWER)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_person_and_team")]

    def may(self, permission: Permission) -> bool:
        """Whether the member's role holds `permission`."""
        return permission in PERMISSIONS.get(self.role, frozenset())

    def require(self, permission: Permission) -> None:
        """Insist on a permission.

        Raises:
            NotAllowedError: when the role lacks it.
        """
        if not self.may(permission):
            raise NotAllowedError(permission)


class AuditEntry(models.Model):
    """One line of the trail: written in the transaction of what it tells, never changed, never holding a secret."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="audit_entries")
    actor = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=255)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["-id"]
        indexes = [models.Index(fields=["team", "-id"])]


def record(team: Team, *, by: Membership | None, action: str, subject: str, **detail: object) -> None:
    """Write one line of the trail. Call it inside the transaction of what it tells; `by` None is Sharedeck itself."""
    AuditEntry.objects.create(
        team=team, actor=by.user if by else None, action=action, subject=subject[:255], detail=detail
    )
