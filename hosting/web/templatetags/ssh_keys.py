"""Where pages offer SSH keys: only where an account's provider takes them."""

from collections.abc import Iterable

from hosting.accounts import extensions
from hosting.accounts.models import Account
from hosting.web.wording.registry import register


@register.filter
def taking_ssh_keys(accounts: Iterable[Account] | None, team_id: int | None = None) -> bool:
    """Whether one of the accounts, or of those of a team, is at a provider that takes SSH keys."""
    return any(
        extensions.has(account.endpoint, extensions.SSH_KEYS)
        for account in accounts or ()
        if team_id in (None, account.team_id)
    )
