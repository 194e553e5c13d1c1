"""People: users, teams, memberships with a role, invitations, and the trail of who did what."""

import uuid
from datetime import datetime
from typing import Any, ClassVar, NoReturn, Protocol

from allauth.account.models import EmailAddress
from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models, transaction
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from hosting.teams.origin import NOWHERE, Origin
from hosting.teams.policy_fields import POLICY_CONSTRAINTS, PolicyFields
from hosting.teams.roles import PERMISSIONS, NotAllowedError, Permission, Role

# The roles that a ceiling can be set for.
SPENDING_ROLES = tuple(role.value for role in Role if Permission.SPEND in PERMISSIONS[role])
# Of one bulk; see `Team.bulk_at_once`.
MOST_AT_ONCE = 20


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, *, name: str = "") -> "User":
        """Create a person who signs in with `email`; without a password nobody can sign in as them.

        Whoever calls this knows that the address is theirs: it needs no confirmation by mail.
        """
        user = self.model(email=email.lower(), name=name)
        user.set_password(password)
        with transaction.atomic(using=self._db):
            user.save(using=self._db)
            EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
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


class Team(PolicyFields):
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
            ),
            *POLICY_CONSTRAINTS,
        ]

    def __str__(self) -> str:
        return self.name


class OfTeam(Protocol):
    """What belongs to one team and is one of its accounts."""

    pk: int
    team_id: int


class MembershipQuerySet(models.QuerySet["Membership"]):
    def current(self) -> "MembershipQuerySet":
        """Those that have not ended by themselves."""
        return self.filter(models.Q(expires_at=None) | models.Q(expires_at__gt=timezone.now()))


class Membership(models.Model):
    """A person in a team, with a role. It is the actor (`by=`) of everything that is asked of the domain."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=30, choices=Role.choices, default=Role.VIEWER)
    # A narrowed role holds for `accounts` alone: for none of them when there are none.
    narrowed = models.BooleanField(default=False)
    accounts = models.ManyToManyField("hosting.Account", blank=True, related_name="+")
    # A temporary membership ends by itself; the sweep then removes it.
    expires_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = MembershipQuerySet.as_manager()

    # Where this actor's request came from, and what an API token leaves of its role and of its accounts (by their
    # keys; None: all): set by whoever opens the door.
    via: Origin = NOWHERE
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
        """Who acts; None for a token of the team."""
        return self.user if self.user_id else None

    def permissions(self) -> frozenset[Permission]:
        """What the role holds, as far as the way in leaves it. A token of the team holds only what it was given."""
        if not self.user_id:
            return self.only or frozenset()
        held = PERMISSIONS.get(self.role, frozenset())
        return held if self.only is None else held & self.only

    def holds_for_all(self) -> bool:
        """Whether the role holds for all of the team's accounts, and the way in leaves all of them."""
        return not self.narrowed and self.within is None

    def reach(self) -> frozenset[int] | None:
        """The accounts that the role holds for, as far as the way in leaves them; None for all of the team's."""
        if not self.narrowed:
            return self.within
        own = frozenset(account.pk for account in self.accounts.all())
        return own if self.within is None else own & self.within

    def reaches(self, account: OfTeam) -> bool:
        """Whether the account is one that the role holds for, and that the way in leaves."""
        if account.team_id != self.team_id or (self.within is not None and account.pk not in self.within):
            return False
        return not self.narrowed or self.accounts.filter(pk=account.pk).exists()

    def may(self, permission: Permission, account: OfTeam | None = None) -> bool:
        """Whether the member holds `permission`: on `account`, or at all."""
        return permission in self.permissions() and (account is None or self.reaches(account))

    def may_for_all(self, permission: Permission) -> bool:
        """Whether the member holds `permission` for the team as a whole: a narrowed role or token never does."""
        return permission in self.permissions() and self.holds_for_all()

    def require(self, permission: Permission, account: OfTeam | None = None) -> None:
        """Insist on a permission, on `account` or at all.

        Raises:
            NotAllowedError: when the role lacks it, or holds for other accounts.
        """
        if not self.may(permission, account):
            raise NotAllowedError(permission, narrowed=permission in self.permissions())

    def require_for_all(self, permission: Permission) -> None:
        """Insist on a permission for the team as a whole.

        Raises:
            NotAllowedError: when the role lacks it, or is narrowed to some accounts.
        """
        if not self.may_for_all(permission):
            raise NotAllowedError(permission, narrowed=permission in self.permissions())


class SpendCeiling(models.Model):
    """What all members with one role may spend together in a calendar month (UTC), across the team's accounts.

    What goes beyond waits for somebody with the permission to approve. None: no ceiling.
    """

    team = models.ForeignKey(Team, models.CASCADE, related_name="ceilings")
    role = models.CharField(_("role"), max_length=30, choices=Role.choices)
    shares = models.PositiveIntegerField(_("shares"), null=True, blank=True)
    # In the currency of each account: each currency counts by itself.
    money = models.DecimalField(_("money"), max_digits=12, decimal_places=2, null=True, blank=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["team", "role"], name="one_ceiling_per_role"),
            models.CheckConstraint(condition=models.Q(role__in=SPENDING_ROLES), name="a_ceiling_is_for_who_may_spend"),
            models.CheckConstraint(
                condition=models.Q(money=None) | models.Q(money__gte=0), name="no_ceiling_below_nothing"
            ),
        ]


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def unanswered(self) -> "InvitationQuerySet":
        """Neither accepted nor revoked; their time may be over."""
        return self.filter(accepted_at=None, revoked_at=None)

    def open(self) -> "InvitationQuerySet":
        """Those whose link still works."""
        return self.unanswered().filter(expires_at__gt=timezone.now())


class Invitation(models.Model):
    """Somebody is asked by e-mail to join a team. The link's secret is not here: it is signed for its mail."""

    team = models.ForeignKey(Team, models.CASCADE, related_name="invitations")
    # In small letters: addresses are compared without regard to case.
    email = models.EmailField(_("e-mail address"))
    role = models.CharField(_("role"), max_length=30, choices=Role.choices, default=Role.VIEWER)
    # As of a membership.
    narrowed = models.BooleanField(default=False)
    accounts = models.ManyToManyField("hosting.Account", blank=True, related_name="+")
    membership_expires_at = models.DateTimeField(null=True, blank=True)
    # Who vouches for it: whoever sent it last.
    invited_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    # A link holds the nonce of its time: each one that is sent makes the earlier ones useless.
    nonce = models.UUIDField(default=uuid.uuid4)
    created_at = models.DateTimeField(auto_now_add=True)
    sent_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    accepted_at = models.DateTimeField(null=True, blank=True)
    accepted_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    revoked_at = models.DateTimeField(null=True, blank=True)

    objects = InvitationQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["team", "email"],
                condition=models.Q(accepted_at=None, revoked_at=None),
                name="one_open_invitation_per_address",
            )
        ]
        indexes = [
            models.Index(
                fields=["email"], condition=models.Q(accepted_at=None, revoked_at=None), name="open_invitation_email"
            ),
            models.Index(fields=["invited_by", "sent_at"]),
        ]

    def __str__(self) -> str:
        return self.email

    def has_expired(self, now: datetime) -> bool:
        return self.expires_at <= now


class AppendOnlyError(Exception):
    """Somebody tried to change or delete a line of the trail."""


class AuditQuerySet(models.QuerySet["AuditEntry"]):
    def visible_to(self, member: Membership) -> "AuditQuerySet":
        """The lines that the member may read: of a narrowed role, those of its accounts."""
        if not member.may(Permission.READ_AUDIT):
            return self.none()
        mine = self.filter(team=member.team_id)
        reach = member.reach()
        return mine if reach is None else mine.filter(account_id__in=reach)

    def update(self, **kwargs: object) -> NoReturn:
        raise AppendOnlyError

    def delete(self) -> NoReturn:
        raise AppendOnlyError

    def bulk_update(self, *args: object, **kwargs: object) -> NoReturn:
        raise AppendOnlyError


class AuditEntry(models.Model):
    """One line of the trail: written in the transaction of what it tells, never changed, never holding a secret."""

    team = models.ForeignKey(Team, models.PROTECT, related_name="audit_entries", db_index=False)
    # The place in the team's chain, from 1, and what proves it: see `chain`.
    sequence = models.PositiveBigIntegerField()
    digest = models.CharField(max_length=64)
    # Who, as they were called then: the line stays as it is whatever becomes of the person.
    actor = models.ForeignKey(User, models.DO_NOTHING, null=True, related_name="+", db_constraint=False, db_index=False)
    actor_name = models.CharField(max_length=254, blank=True)
    # From where: see `Origin`.
    address = models.CharField(max_length=45, blank=True)
    session = models.CharField(max_length=16, blank=True)
    token_id = models.BigIntegerField(null=True, blank=True)
    action = models.CharField(max_length=60)
    subject = models.CharField(max_length=255)
    # What it is about: the account, the object there ("vm:12"), the operation.
    account_id = models.BigIntegerField(null=True, blank=True)
    thing = models.CharField(max_length=60, blank=True)
    operation_id = models.BigIntegerField(null=True, blank=True)
    before = models.JSONField(null=True, blank=True)
    after = models.JSONField(null=True, blank=True)
    # How it ended, such as "refused"; empty for what was simply done.
    outcome = models.CharField(max_length=20, blank=True)
    detail = models.JSONField(default=dict)
    at = models.DateTimeField(default=timezone.now)

    objects = AuditQuerySet.as_manager()

    class Meta:
        ordering = ["-sequence"]
        constraints = [models.UniqueConstraint(fields=["team", "sequence"], name="one_chain_per_team")]
        indexes = [
            # What the trail is filtered by, each in the order that it is read in.
            models.Index(fields=["team", "actor", "-sequence"], name="trail_of_a_person"),
            models.Index(fields=["team", "account_id", "-sequence"], name="trail_of_an_account"),
            models.Index(fields=["team", "at"], name="trail_by_time"),
            # The history on an object's page.
            models.Index(
                fields=["account_id", "thing", "-sequence"], condition=~models.Q(thing=""), name="trail_of_an_object"
            ),
            models.Index(
                fields=["operation_id", "-sequence"],
                condition=models.Q(operation_id__isnull=False),
                name="trail_of_an_operation",
            ),
            models.Index(
                fields=["team", "outcome", "-sequence"], condition=~models.Q(outcome=""), name="trail_by_outcome"
            ),
        ]

    def save(self, *args: Any, **kwargs: Any) -> None:
        """Write a new line.

        Raises:
            AppendOnlyError: it is there already.
        """
        if not self._state.adding:
            raise AppendOnlyError
        super().save(*args, **kwargs)

    def delete(self, *args: object, **kwargs: object) -> NoReturn:
        raise AppendOnlyError


class AuditHead(models.Model):
    """The last entry of a team's chain: who writes the next one locks this row first."""

    team = models.OneToOneField(Team, models.PROTECT, related_name="audit_head")
    sequence = models.PositiveBigIntegerField(default=0)
    digest = models.CharField(max_length=64, blank=True)
