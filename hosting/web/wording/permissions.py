"""What each permission allows, as errors and token forms say it."""

from django.utils.translation import gettext_lazy

from hosting.teams.roles import Permission

# Completes "you need the permission to …".
PERMISSION_WORDS = {
    Permission.VIEW: gettext_lazy("view the team's accounts"),
    Permission.SPEND: gettext_lazy("spend money"),
    Permission.OPERATE: gettext_lazy("manage servers and disks"),
    Permission.DELETE: gettext_lazy("delete servers and disks"),
    Permission.CONSOLE: gettext_lazy("open the consoles of servers"),
    Permission.APPROVE: gettext_lazy("approve other members' spending"),
    Permission.MANAGE_ACCOUNTS: gettext_lazy("manage accounts and credentials"),
    Permission.MANAGE_PEOPLE: gettext_lazy("manage the team's members"),
    Permission.MANAGE_POLICIES: gettext_lazy("change the team's policies"),
    Permission.READ_AUDIT: gettext_lazy("read the audit log"),
}

# What each permission lets an API token do: a title and a sentence.
TOKEN_PERMISSIONS = {
    Permission.OPERATE: (
        gettext_lazy("Operate"),
        gettext_lazy("Create, start, stop, reboot and resize servers; create, attach and detach disks."),
    ),
    Permission.DELETE: (gettext_lazy("Delete"), gettext_lazy("Delete servers and disks with all their data.")),
    Permission.SPEND: (gettext_lazy("Spend"), gettext_lazy("Buy, renew and change shares. This costs money.")),
    Permission.MANAGE_ACCOUNTS: (
        gettext_lazy("Manage accounts"),
        gettext_lazy("Connect accounts, and change their credentials and settings."),
    ),
    Permission.READ_AUDIT: (gettext_lazy("Read the audit log"), gettext_lazy("See who did what in the team.")),
}

# Why a button is disabled for a member whose role lacks the permission.
WHY_NOT = {
    Permission.SPEND: gettext_lazy("Your role can't spend money. Ask an owner or a billing member."),
    Permission.OPERATE: gettext_lazy("Your role is read-only. Ask an owner or an operator."),
    Permission.DELETE: gettext_lazy("Your role can't delete servers or disks. Ask an owner or an operator."),
    Permission.CONSOLE: gettext_lazy("Your role can't open consoles. Ask an owner or an operator."),
    Permission.APPROVE: gettext_lazy("Your role can't approve spending. Ask an owner or a billing member."),
    Permission.MANAGE_ACCOUNTS: gettext_lazy("Your role can't manage accounts. Ask an owner or an admin."),
    Permission.MANAGE_PEOPLE: gettext_lazy("Your role can't manage members. Ask an owner or an admin."),
    Permission.MANAGE_POLICIES: gettext_lazy("Only owners can do this. Ask an owner of the team."),
}
