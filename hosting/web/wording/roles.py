"""What each role may do, in a sentence for people."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hosting.teams.roles import Role

ROLE_WORDS: dict[str, Promise] = {
    Role.OWNER: _("Full access, including the team's policies and other owners."),
    Role.ADMIN: _("Manages members and accounts, and reads the audit log. Can't spend money or manage servers."),
    Role.OPERATOR: _("Creates, changes, starts, stops and deletes servers and disks. Can't buy shares."),
    Role.OPERATOR_WITHOUT_DELETE: _("Same as Operator, but can't delete anything."),
    Role.BILLING: _("Buys, renews and releases shares, and approves other members' spending."),
    Role.VIEWER: _("Read-only access to everything."),
    Role.AUDITOR: _("Read-only access to everything, including the audit log."),
}
