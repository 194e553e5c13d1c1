"""Who may do what: roles are sets of permissions. Pure, so that a table of it can be printed and tested."""

from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Permission(StrEnum):
    """What a member of a team may be allowed to do."""

    VIEW = "view"
    OPERATE = "operate"
    DELETE = "delete"
    SPEND = "spend"
    APPROVE = "approve"
    MANAGE_ACCOUNTS = "manage_accounts"
    MANAGE_PEOPLE = "manage_people"
    MANAGE_POLICIES = "manage_policies"
    READ_AUDIT = "read_audit"


class Role(TextChoices):
    """What a member is in a team; see `PERMISSIONS`."""

    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    OPERATOR = "operator", _("Operator")
    OPERATOR_WITHOUT_DELETE = "operator_without_delete", _("Operator without delete")
    BILLING = "billing", _("Billing")
    VIEWER = "viewer", _("Viewer")
    AUDITOR = "auditor", _("Auditor")


PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    # People and accounts.
    Role.ADMIN: frozenset(
        {Permission.VIEW, Permission.MANAGE_ACCOUNTS, Permission.MANAGE_PEOPLE, Permission.READ_AUDIT}
    ),
    # Servers and disks.
    Role.OPERATOR: frozenset({Permission.VIEW, Permission.OPERATE, Permission.DELETE}),
    Role.OPERATOR_WITHOUT_DELETE: frozenset({Permission.VIEW, Permission.OPERATE}),
    # Shares and money; the second pair of eyes on what another member spends.
    Role.BILLING: frozenset({Permission.VIEW, Permission.SPEND, Permission.APPROVE}),
    Role.VIEWER: frozenset({Permission.VIEW}),
    Role.AUDITOR: frozenset({Permission.VIEW, Permission.READ_AUDIT}),
}


def can_give(held: frozenset[Permission], role: str) -> bool:
    """Whether somebody who holds these permissions may give `role` to somebody: nobody grants what they lack."""
    return PERMISSIONS[role] <= held


def missing_for(held: frozenset[Permission], role: str) -> Permission | None:
    """The first permission of `role` that somebody who holds these lacks; None when they may give it."""
    return next((permission for permission in Permission if permission in PERMISSIONS[role] - held), None)


class NotAllowedError(Exception):
    """The member's role lacks a permission, or its accounts are others (`narrowed`)."""

    def __init__(self, permission: Permission, *, narrowed: bool = False) -> None:
        super().__init__(f"needs the permission {permission.value!r}")
        self.permission = permission
        self.narrowed = narrowed
