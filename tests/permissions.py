"""Who may do what, as a document: `python -m tests.permissions` writes `docs/permissions.md`.

The marks are those of `hosting/teams/roles.py`, the words for roles those of the pages; the addresses are those of the
table that every address is tested by (`tests/web/access/access_matrix.py`).
"""

import os
from collections.abc import Iterator
from pathlib import Path

import django

from hosting.teams.roles import PERMISSIONS, Permission, Role
from hosting.web.wording.roles import ROLE_WORDS

ROOT = Path(__file__).resolve().parent.parent
DOCUMENT = ROOT / "docs" / "permissions.md"
HEAD = """# Who may do what

A member of a team has one role in it, and a role is a set of permissions. A role may be narrowed to some of the team's
accounts: the others do not exist for that member, and what concerns the team as a whole is closed. A membership may end
by itself. A team always has an owner, whose role is never narrowed and never ends by itself. An API token has a part of
its person's or team's permissions and never more. Nobody gives a role that holds a permission which they lack. What a
role lacks is refused (403); what belongs to another team does not exist (404).
Written by `make docs`; a test keeps it true.

"""

WHAT = {
    Permission.VIEW: "Look at accounts, servers, disks, shares, operations, trends, tags and notes; save one's own "
    "views of lists.",
    Permission.OPERATE: "Create, start, stop, reboot, resize and rename servers; name addresses; create, attach and "
    "detach disks; tags, notes; the team's SSH keys; what became of a request that had "
    "no answer.",
    Permission.DELETE: "Delete servers and disks, one or many; reinstall servers.",
    Permission.CONSOLE: "Open the console of a server, and type there.",
    Permission.SPEND: "Buy, renew, change and release shares and other products, up to the team's spending limits.",
    Permission.APPROVE: "Approve or decline operations above their requester's spending limit, except one's own.",
    Permission.MANAGE_ACCOUNTS: "Connect accounts; change their names, logins and passwords; the team's name.",
    Permission.MANAGE_PEOPLE: "Invite people, change roles, narrow and end memberships, revoke invitations and tokens; "
    "delete shared views of others.",
    Permission.MANAGE_POLICIES: "Second factors, session length, networks, quiet hours, spending limits.",
    Permission.READ_AUDIT: "Read, filter and export the audit log.",
}


def document() -> str:
    """The whole document, of what the code says now."""
    return HEAD + "".join([*_table(), "\n## Roles\n\n", *_roles(), "\n## Permissions\n\n", *_permissions()])


def _table() -> Iterator[str]:
    yield f"| permission | {' | '.join(str(role.label) for role in Role)} |\n"
    yield f"| --- |{' :-: |' * len(Role)}\n"
    for permission in Permission:
        marks = ("yes" if permission in PERMISSIONS[role] else "" for role in Role)
        yield f"| `{permission.value}` | {' | '.join(marks)} |\n"


def _roles() -> Iterator[str]:
    for role in Role:
        yield f"- **{role.label}**: {ROLE_WORDS[role]}\n"


def _permissions() -> Iterator[str]:
    for permission in Permission:
        yield f"- `{permission.value}`: {WHAT[permission]}\n"
        if names := sorted(_opens(permission)):
            yield f"  Addresses: {', '.join(f'`{name}`' for name in names)}.\n"


def _opens(permission: Permission) -> Iterator[str]:
    from tests.web.access.access_matrix import ACCESS, Holder

    for name, access in ACCESS.items():
        if any(isinstance(rule, Holder) and rule.permission is permission for rule in (access.get, access.post)):
            yield name


if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
    django.setup()
    DOCUMENT.write_text(document(), encoding="utf-8")
    print(f"{DOCUMENT.relative_to(ROOT)} is written.")
