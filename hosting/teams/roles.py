"""Roles and their permissions. Pure, so that they can be printed as a table and tested."""

from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Permission(StrEnum):
    """What a member may be allowed to do."""

    VIEW = "view"
    OPERATE = "operate"
    DELETE = "delete"
    CONSOLE = "console"
    SPEND = "spend"
    APPROVE = "approve"
    MANAGE_ACCOUNTS = "manage_accounts"
    MANAGE_PEOPLE = "manage_people"
    MANAGE_POLICIES = "manage_policies"
    READ_AUDIT = "read_audit"


class Role(TextChoices):
    """The roles of members; see `PERMISSIONS`."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    OPERATOR = "operator", _("Operator")
    OPERATOR_WITHOUT_DELETE = "operator_without_delete", _("Operator without delete")
    BILLING = "billing", _("Billing")
    VIEWER = "viewer", _("Viewer")
    AUDITOR = "auditor", _("Auditor")


PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    # Manages people and accounts.
    Role.ADMIN: frozenset(
        {Permission.VIEW, Permission.MANAGE_ACCOUNTS, Permission.MANAGE_PEOPLE, Permission.READ_AUDIT}
    ),
    # Operates servers and disks.
    Role.OPERATOR: frozenset({Permission.VIEW, Permission.OPERATE, Permission.DELETE, Permission.CONSOLE}),
    Role.OPERATOR_WITHOUT_DELETE: frozenset({Permission.VIEW, Permission.OPERATE, Permission.CONSOLE}),
    # Buys products, and approves what other members spend beyond their limits.
    Role.BILLING: frozenset({Permission.VIEW, Permission.SPEND, Permission.APPROVE}),
    Role.VIEWER: frozenset({Permission.VIEW}),
    Role.AUDITOR: frozenset({Permission.VIEW, Permission.READ_AUDIT}),
}


def can_give(held: frozenset[Permission], role: str) -> bool:
    """Whether somebody with these permissions may give `role` to others: only if they lack none of its permissions."""
    return PERMISSIONS[role] <= held


def missing_for(held: frozenset[Permission], role: str) -> Permission | None:
    """The first permission of `role` that is not among these; None when there is none."""
    return next((permission for permission in Permission if permission in PERMISSIONS[role] - held), None)


class NotAllowedError(Exception):
    """The member's role lacks a permission, or covers other accounts only (`narrowed`)."""

    def __init__(self, permission: Permission, *, narrowed: bool = False) -> None:
        super().__init__(f"needs the permission {permission.value!r}")
        self.permission = permission
        self.narrowed = narrowed
