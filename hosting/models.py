"""All models of the application, gathered so that it has one migrations folder."""

from hosting.accounts.models import Account, Candidate, Endpoint
from hosting.annotations.models import Note, SavedView, Tag, TagUse
from hosting.inventory.models import (
    AccountInfo,
    BalanceSample,
    CapacitySample,
    Change,
    Disk,
    OsImage,
    Product,
    Vm,
)
from hosting.mail.models import OutgoingMail
from hosting.operations.models.bulk import Bulk, BulkRow
from hosting.operations.models.operation import Operation
from hosting.operations.models.plan import Plan
from hosting.teams.audit.models import AuditEntry, AuditHead
from hosting.teams.models import Membership, Team, User
from hosting.teams.people.models import Invitation
from hosting.teams.policies.models import PendingLimits, SpendingLimit
from hosting.teams.ssh_keys.models import SshKey
from hosting.teams.tokens.models import ApiToken
from hosting.viewings.models import Viewing

__all__ = [
    "Account",
    "AccountInfo",
    "ApiToken",
    "AuditEntry",
    "AuditHead",
    "BalanceSample",
    "Bulk",
    "BulkRow",
    "Candidate",
    "CapacitySample",
    "Change",
    "Disk",
    "Endpoint",
    "Invitation",
    "Membership",
    "Note",
    "Operation",
    "OsImage",
    "OutgoingMail",
    "PendingLimits",
    "Plan",
    "Product",
    "SavedView",
    "SpendingLimit",
    "SshKey",
    "Tag",
    "TagUse",
    "Team",
    "User",
    "Viewing",
    "Vm",
]
