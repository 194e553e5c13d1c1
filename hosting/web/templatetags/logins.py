"""How logins stand, and the way from one account to another."""

from functools import lru_cache

from django.urls import get_script_prefix, reverse
from django.utils.html import format_html

from hosting.accounts.models import Account, Candidate
from hosting.web.wording import logins
from hosting.web.wording.registry import register

# Sections that every account has: whoever changes the account stays in them.
SECTIONS = frozenset({"dashboard", "attention", "servers", "disks", "shares", "operations", "changes", "login"})


@register.simple_tag
def login_state(account: Account) -> str:
    """The badge of how the account's login stands."""
    standing = logins.standing(account)
    return format_html('<span class="state state-{}">{}</span>', standing.color, standing.label)


@register.filter
def candidate(account: Account) -> Candidate | None:
    """The latest test of the account's credentials."""
    return logins.candidate_of(account)


@register.simple_tag
def section_url(account_id: int, section: str = "") -> str:
    """The same section of an account; its dashboard where that has none of the kind."""
    before, after = _around(section if section in SECTIONS else "dashboard", get_script_prefix())
    return f"{before}{account_id}{after}"


@lru_cache(maxsize=64)
def _around(section: str, _prefix: str) -> tuple[str, str]:
    """What is before and behind the account's number in an address."""
    before, _number, after = reverse(section, args=[0]).partition("/0/")
    return f"{before}/", f"/{after}"
