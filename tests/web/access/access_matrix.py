"""The access matrix: one row for each URL name of the panel. A URL name without a row fails the tests."""

from dataclasses import dataclass
from enum import Enum, auto

from hosting.teams.roles import PERMISSIONS, Permission


class Who(Enum):
    """Rules that need no permission."""

    ANYBODY = auto()
    """Anyone, signed in or not."""
    PERSON = auto()
    """Anyone who is signed in, in any team or none."""
    NOBODY = auto()
    """Nobody: the URL answers 404."""
    HAS_ONE = auto()
    """Only the person who has such an object; everyone else gets 404."""
    NO_METHOD = auto()
    """The method is not allowed: 405."""


@dataclass(frozen=True)
class Holder:
    """A member whose role holds the permission: on the account, or on the team as a whole (`for_all`)."""

    permission: Permission
    for_all: bool = False

    def lets_in(self, role: str) -> bool:
        return self.permission in PERMISSIONS[role]


Rule = Who | Holder


@dataclass(frozen=True)
class Access:
    """The rules for a GET and for a POST of a URL."""

    get: Rule
    post: Rule


VIEW, OPERATE, DELETE, CONSOLE, SPEND, ACCOUNTS = (
    Holder(Permission.VIEW),
    Holder(Permission.OPERATE),
    Holder(Permission.DELETE),
    Holder(Permission.CONSOLE),
    Holder(Permission.SPEND),
    Holder(Permission.MANAGE_ACCOUNTS),
)


def page(rule: Rule) -> Access:
    """Allow GET only."""
    return Access(rule, Who.NO_METHOD)


def form(rule: Rule) -> Access:
    """Allow GET and POST."""
    return Access(rule, rule)


def button(rule: Rule) -> Access:
    """Allow POST only."""
    return Access(Who.NO_METHOD, rule)


OF_ACCOUNT = {
    "dashboard": page(VIEW),
    "attention": page(VIEW),
    "account_settings": form(ACCOUNTS),
    "login": page(VIEW),
    "login_again": button(ACCOUNTS),
    "login_dismiss": button(ACCOUNTS),
    # A new handle is a new account, which a narrowed role cannot create.
    "handle_new": form(Holder(Permission.MANAGE_ACCOUNTS, for_all=True)),
    "refresh": button(VIEW),
    "shares": page(VIEW),
    "shares_bulk": form(SPEND),
    "shares_calendar": page(VIEW),
    "shares_add": form(SPEND),
    "shares_estimate": button(SPEND),
    "shares_renew": form(SPEND),
    "shares_update": form(SPEND),
    "shares_remove": form(SPEND),
    "servers": page(VIEW),
    "servers_bulk": form(OPERATE),
    "servers_tags": form(OPERATE),
    "server_tags": form(OPERATE),
    "server_note": form(OPERATE),
    "server_new": form(OPERATE),
    "server_preview": button(VIEW),
    "server_alone": form(OPERATE),
    "planner": page(VIEW),
    "server": page(VIEW),
    "server_figures": page(VIEW),
    "server_start": button(OPERATE),
    "server_stop": button(OPERATE),
    "server_reboot": button(OPERATE),
    "server_resize": form(OPERATE),
    "server_delete": form(DELETE),
    "server_console": page(CONSOLE),
    "server_console_connection": page(CONSOLE),
    "server_rename": form(OPERATE),
    "server_reinstall": form(DELETE),
    "server_reverse": form(OPERATE),
    "plan": page(VIEW),
    "plan_start": button(OPERATE),
    "plan_change": form(OPERATE),
    "plan_resume": button(OPERATE),
    "plan_abandon": button(OPERATE),
    "disks": page(VIEW),
    "disks_bulk": form(DELETE),
    "disks_tags": form(OPERATE),
    "disk_tags": form(OPERATE),
    "disk_note": form(OPERATE),
    "disk_new": form(OPERATE),
    "disk": page(VIEW),
    "disk_attach": form(OPERATE),
    "disk_detach": button(OPERATE),
    "disk_delete": form(DELETE),
    "bulk": page(VIEW),
    "bulk_pause": button(OPERATE),
    "bulk_resume": button(OPERATE),
    "bulk_retry": button(OPERATE),
    "bulk_aside": button(OPERATE),
    "operations": page(VIEW),
    "operation": page(VIEW),
    "operation_retry": form(OPERATE),
    "operation_cancel": button(OPERATE),
    "operation_aside": button(OPERATE),
    "operation_happened": button(OPERATE),
    "operation_none": button(OPERATE),
    "operation_is": button(OPERATE),
    "trends": page(VIEW),
    "changes": page(VIEW),
    "tags": page(VIEW),
    "tag_new": form(OPERATE),
    # Tags belong to the whole team: a narrowed role can only create new ones.
    "tag_edit": form(Holder(Permission.OPERATE, for_all=True)),
    "tag_delete": form(Holder(Permission.OPERATE, for_all=True)),
    "views": page(VIEW),
    "view_save": form(VIEW),
    # Members delete their own views; shared views need the permission to manage people.
    "view_delete": button(Holder(Permission.MANAGE_PEOPLE, for_all=True)),
}

PEOPLE, OWNERS = Holder(Permission.MANAGE_PEOPLE, for_all=True), Holder(Permission.MANAGE_POLICIES, for_all=True)

OF_TEAM = {
    "team": page(VIEW),
    "team_leave": form(VIEW),
    "team_transfer": form(OWNERS),
    "member": form(PEOPLE),
    "member_remove": form(PEOPLE),
    "invite": form(PEOPLE),
    "invitation_resend": button(PEOPLE),
    "invitation_revoke": button(PEOPLE),
    "team_audit": page(Holder(Permission.READ_AUDIT)),
    # Every member can read the policies that apply to them.
    "team_policies": Access(VIEW, OWNERS),
    "team_ssh_keys": page(VIEW),
    # Whoever plants a key there gets into servers of other members: a narrowed role can't.
    "team_ssh_key_new": form(Holder(Permission.OPERATE, for_all=True)),
    "team_ssh_key_remove": form(Holder(Permission.OPERATE, for_all=True)),
    "team_settings": form(Holder(Permission.MANAGE_ACCOUNTS, for_all=True)),
    "team_tokens": page(Holder(Permission.MANAGE_PEOPLE, for_all=True)),
    "team_token_new": form(Holder(Permission.MANAGE_PEOPLE, for_all=True)),
    "my_token_new": form(VIEW),
    # Members revoke their own tokens; all other tokens need the permission to manage people.
    "token_revoke": form(Holder(Permission.MANAGE_PEOPLE, for_all=True)),
    # Only operations of the accounts that the member has access to.
    "team_approvals": page(VIEW),
    "team_approvals_decide": button(Holder(Permission.APPROVE)),
    "team_spending_limits": form(Holder(Permission.MANAGE_POLICIES, for_all=True)),
}

OF_PERSON = {
    "home": page(Who.PERSON),
    "search": page(Who.PERSON),
    "accounts": page(Who.PERSON),
    "my_tokens": page(Who.PERSON),
    "my_ssh_keys": page(Who.PERSON),
    "my_ssh_key_new": form(Who.PERSON),
    "my_ssh_key_remove": form(Who.HAS_ONE),
    # Needs to own a team, unless sign-up is open.
    "team_new": form(OWNERS),
    # Needs the permission to manage accounts in at least one team.
    "connect": form(Holder(Permission.MANAGE_ACCOUNTS, for_all=True)),
}

OF_ANYBODY = {
    "health": page(Who.ANYBODY),
    # The tests request it with a link that was never sent.
    "invitation": form(Who.NOBODY),
    "set_language": form(Who.ANYBODY),
    # Ignores sessions; without a valid token it answers 401.
    "api_whoami": page(Who.ANYBODY),
}

ANYBODY, PERSON = form(Who.ANYBODY), form(Who.PERSON)

# Signing in, and the personal pages of a signed-in person.
OF_SIGN_IN = {
    "account_login": ANYBODY,
    "account_logout": ANYBODY,
    "account_signup": ANYBODY,
    "account_inactive": page(Who.ANYBODY),
    "account_reset_password": ANYBODY,
    "account_reset_password_done": page(Who.ANYBODY),
    "account_reset_password_from_key": ANYBODY,
    "account_reset_password_from_key_done": page(Who.ANYBODY),
    "account_email_verification_sent": page(Who.ANYBODY),
    # The tests send a key that was never issued.
    "account_confirm_email": Access(Who.ANYBODY, Who.NOBODY),
    # Open between password and second factor; without a password it redirects to sign-in.
    "mfa_authenticate": ANYBODY,
    "mfa_login_webauthn": ANYBODY,
    "account_reauthenticate": PERSON,
    "mfa_reauthenticate": PERSON,
    "mfa_reauthenticate_webauthn": PERSON,
    "account_change_password": PERSON,
    "account_set_password": PERSON,
    "account_email": PERSON,
    "mfa_index": page(Who.PERSON),
    "mfa_list_webauthn": page(Who.PERSON),
    "mfa_activate_totp": PERSON,
    "mfa_add_webauthn": PERSON,
    "mfa_generate_recovery_codes": PERSON,
    "mfa_deactivate_totp": form(Who.HAS_ONE),
    "mfa_view_recovery_codes": page(Who.HAS_ONE),
    "mfa_edit_webauthn": form(Who.HAS_ONE),
    "mfa_remove_webauthn": form(Who.HAS_ONE),
    "usersessions_list": page(Who.PERSON),
    "sessions_end_others": button(Who.PERSON),
    "session_end": button(Who.HAS_ONE),
    "profile": PERSON,
}

ACCESS = {**OF_ACCOUNT, **OF_TEAM, **OF_PERSON, **OF_ANYBODY, **OF_SIGN_IN}
