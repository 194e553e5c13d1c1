"""The state of an account's credentials, and links from one account to another."""

from functools import lru_cache

from django.urls import get_script_prefix, reverse
from django.utils.html import format_html

from hosting.accounts.models import Account, Candidate
from hosting.web.wording import logins
from hosting.web.wording.registry import register

# Sections that every account has, so that switching the account keeps the section.
SECTIONS = frozenset({"dashboard", "attention", "servers", "disks", "shares", "operations", "changes", "login"})


@register.simple_tag
def login_state(account: Account) -> str:
    """The badge of the state of an account's credentials."""
    standing = logins.standing(account)
    return format_html('<span class="state state-{}">{}</span>', standing.color, standing.label)


@register.filter
def candidate(account: Account) -> Candidate | None:
    """The latest test of an account's credentials."""
    return logins.candidate_of(account)


@register.simple_tag
def section_url(account_id: int, section: str = "") -> str:
    """The same section of another account; its dashboard for a section that not every account has."""
    before, after = _around(section if section in SECTIONS else "dashboard", get_script_prefix())
    return f"{before}{account_id}{after}"


@lru_cache(maxsize=64)
def _around(section: str, _prefix: str) -> tuple[str, str]:
    """The parts of an address before and after the account's number."""
    before, _number, after = reverse(section, args=[0]).partition("/0/")
    return f"{before}/", f"/{after}"
