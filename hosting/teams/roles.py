"""Who may do what: roles are sets of permissions. Pure, so that a table of it can be printed and tested."""

from enum import StrEnum

from django.db.models import TextChoices
from django.utils.translation import gettext_lazy as _


class Permission(StrEnum):
    """What a member of a team may be allowed to do."""

    VIEW = "view"
    SPEND = "spend"
    OPERATE = "operate"
    DELETE = "delete"
    MANAGE_ACCOUNTS = "manage_accounts"
    MANAGE_PEOPLE = "manage_people"
    READ_AUDIT = "read_audit"


class Role(TextChoices):
    OWNER = "owner", _("Owner")
    ADMIN = "admin", _("Admin")
    OPERATOR = "operator", _("Operator")
    OPERATOR_WITHOUT_DELETE = "operator_without_delete", _("Operator without delete")
    BILLING = "billing", _("Billing")
    VIEWER = "viewer", _("Viewer")
    AUDITOR = "auditor", _("Auditor")


PERMISSIONS: dict[str, frozenset[Permission]] = {
    Role.OWNER: frozenset(Permission),
    Role.ADMIN: frozenset(
        {Permission.VIEW, Permission.MANAGE_ACCOUNTS, Permission.MANAGE_PEOPLE, Permission.READ_AUDIT}
    ),
    Role.OPERATOR: frozenset({Permission.VIEW, Permission.OPERATE, Permission.DELETE}),
    Role.OPERATOR_WITHOUT_DELETE: frozenset({Permission.VIEW, Permission.OPERATE}),
    Role.BILLING: frozenset({Permission.VIEW, Permission.SPEND}),
    Role.VIEWER: frozenset({Permission.VIEW}),
    Role.AUDITOR: frozenset({Permission.VIEW, Permission.READ_AUDIT}),
}


class NotAllowedError(Exception):
    """The member's role lacks a permission."""

    def __init__(self, permission: Permission) -> None:
        super().__init__(f"needs the permission {permission.value!r}")
        self.permission = permission
