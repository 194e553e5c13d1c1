"""Users, teams, and memberships with a role."""

from typing import ClassVar, Protocol

from allauth.account.models import EmailAddress
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.teams.access.fields import POLICY_CONSTRAINTS, PolicyFields
from hosting.teams.request_origin import NO_ORIGIN, Origin
from hosting.teams.roles import PERMISSIONS, NotAllowedError, Permission, Role

# The limit of `Team.bulk_at_once`.
MOST_AT_ONCE = 20


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, *, name: str = "") -> "User":
        """Create a person who signs in with `email`; without a password nobody can sign in as them.

        The address counts as confirmed, so the caller must know that it is theirs.
        """
        user = self.model(email=email.lower(), name=name)
        user.set_password(password)
        with transaction.atomic(using=self._db):
            user.save(using=self._db)
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
        return user


class User(AbstractBaseUser):
    """A person. They sign in with an e-mail address and may belong to several teams."""

    email = models.EmailField(_("email address"), unique=True)
    name = models.CharField(_("name"), max_length=150, blank=True)
    is_active = models.BooleanField(default=True)
    date_joined = models.DateTimeField(auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    def __str__(self) -> str:
        return self.name or self.email


class Team(PolicyFields):
    """People who manage the same accounts. Teams never see each other's data."""

    name = models.CharField(_("name"), max_length=100)
    # How many operations of a bulk action run at once: they must not crowd out the team's other operations, nor the
    # provider's other customers.
    bulk_at_once = models.PositiveSmallIntegerField(
        _("at the same time"), default=8, validators=[MinValueValidator(1), MaxValueValidator(MOST_AT_ONCE)]
    )
    # Raising or removing a spending limit waits for a second owner, where there is one (`policies.spending_limits`).
    limits_need_second_owner = models.BooleanField(default=True)
    # When an owner last took the ownership from another person (`ownership`).
    owner_removed_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", through_fields=("team", "user"), related_name="teams")

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(bulk_at_once__range=(1, MOST_AT_ONCE)), name="some_of_a_bulk_at_once"
            ),
            *POLICY_CONSTRAINTS,
        ]

    def __str__(self) -> str:
        return self.name


class OfTeam(Protocol):
    """An account of a team, as far as permissions need it."""

    pk: int
    team_id: int


class MembershipQuerySet(models.QuerySet["Membership"]):
    def current(self) -> "MembershipQuerySet":
        """Memberships that have not expired."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now()))


class Membership(models.Model):
    """A person in a team, with a role. It is the actor (`by=`) in calls of the domain."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=30, choices=Role.choices, default=Role.VIEWER)
    # A narrowed role covers only `accounts`: none at all when there are none.
    narrowed = models.BooleanField(default=False)
    accounts = models.ManyToManyField("hosting.Account", blank=True, related_name="+")
    # When a temporary membership ends. The sweep then deletes it.
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    # When another owner made this member an owner, and the person behind that (`ownership`). None for who founded the
    # team, and for other roles.
    owner_since = models.DateTimeField(null=True, blank=True)
    owner_through = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    objects = MembershipQuerySet.as_manager()

    # Set by the code that authenticates a request: where it came from, and the permissions and accounts (by key) to
    # which an API token narrows the role; None for all.
    via: Origin = NO_ORIGIN
    only: frozenset[Permission] | None = None
    within: frozenset[int] | None = None

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "user"], name="one_membership_per_person_and_team"),
            models.CheckConstraint(
                condition=~models.Q(role="owner") | models.Q(narrowed=False, expires_at=None),
                name="an_owner_owns_all_and_stays",
            ),
        ]
        indexes = [
            models.Index(
                fields=["expires_at"], condition=models.Q(expires_at__isnull=False), name="temporary_membership_end"
            )
        ]

    @property
    def person(self) -> User | None:
        """The person who acts; None for a team token."""
        return self.user if self.user_id else None

    def permissions(self) -> frozenset[Permission]:
        """The permissions of the role, narrowed by an API token. A team token has only its own permissions."""
        if not self.user_id:
            return self.only or frozenset()
        held = PERMISSIONS.get(self.role, frozenset())
        return held if self.only is None else held & self.only

    def holds_for_all(self) -> bool:
        """Whether the membership covers all of the team's accounts: neither the role nor an API token is narrowed."""
        return not self.narrowed and self.within is None

    def reach(self) -> frozenset[int] | None:
        """The keys of the accounts that the membership covers; None for all of the team's."""
        if not self.narrowed:
            return self.within
        own = frozenset(account.pk for account in self.accounts.all())
        return own if self.within is None else own & self.within

    def reaches(self, account: OfTeam) -> bool:
        """Whether the membership covers the account."""
        if account.team_id != self.team_id or (self.within is not None and account.pk not in self.within):
            return False
        return not self.narrowed or self.accounts.filter(pk=account.pk).exists()

    def may(self, permission: Permission, account: OfTeam | None = None) -> bool:
        """Whether the member has `permission`, on `account` or on any."""
        return permission in self.permissions() and (account is None or self.reaches(account))

    def may_for_all(self, permission: Permission) -> bool:
        """Whether the member has `permission` for the whole team. Narrowed roles and tokens never have."""
        return permission in self.permissions() and self.holds_for_all()

    def require(self, permission: Permission, account: OfTeam | None = None) -> None:
        """Require a permission, on `account` or on any.

        Raises:
            NotAllowedError: when the role lacks it, or covers other accounts only.
        """
        if not self.may(permission, account):
            raise NotAllowedError(permission, narrowed=permission in self.permissions())

    def require_for_all(self, permission: Permission) -> None:
        """Require a permission for the whole team.

        Raises:
            NotAllowedError: when the role lacks it, or is narrowed to some accounts.
        """
        if not self.may_for_all(permission):
            raise NotAllowedError(permission, narrowed=permission in self.permissions())
