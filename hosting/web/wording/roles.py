"""What each role may do, in a sentence for people."""

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from hosting.teams.roles import Role

ROLE_WORDS: dict[str, Promise] = {
    Role.OWNER: _("Everything, the team's policies and its other owners included."),
    Role.ADMIN: _("Manages people and accounts, and reads the audit trail. Spends nothing, operates nothing."),
    Role.OPERATOR: _("Runs servers and disks: creates, changes, starts, stops and deletes them. Buys nothing."),
    Role.OPERATOR_WITHOUT_DELETE: _("As an operator, but deletes nothing."),
    Role.BILLING: _("Buys, renews and releases shares, and approves what others want to spend."),
    Role.VIEWER: _("Looks at everything, changes nothing."),
    Role.AUDITOR: _("Looks at everything and reads the audit trail, changes nothing."),
}
