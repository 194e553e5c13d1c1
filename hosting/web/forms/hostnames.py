"""Hints about a host name that is allowed, but may not be what somebody meant."""

import re

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from hosting.accounts.models import Account
from hosting.inventory.models import Vm
from hosting.web.wording.isolation import naming

# Programs read these as a number or an address, not as a name.
_NUMERIC = re.compile(r"[0-9.]+")


def hints(hostname: str, account: Account) -> list[str]:
    """What is odd about a host name. One query; none for an empty one."""
    if not hostname or "\0" in hostname:
        return []
    found: list[str] = []
    if _NUMERIC.fullmatch(hostname):
        found.append(_("Programs may take this for a number or an address. A name with a letter is safer."))
    others = Vm.objects.filter(account=account, hostname__iexact=hostname).exclude(hostname=hostname)
    if (other := others.exclude(state=Vm.State.DELETED).first()) is not None:
        found.append(naming(_("It differs from your server %(name)s by upper and lower case only."), name=other))
    return found


def hint_line(hostname: str, account: Account, *, swap: bool = False) -> SafeString:
    """The hints as a line below the field, empty without any; `swap` puts it in place of the one on the page."""
    return format_html(
        '<span id="hostname-hint" class="hostname-hint" role="status"{}>{}</span>',
        SafeString(' hx-swap-oob="true"') if swap else "",
        format_html_join(" ", "{}", ((hint,) for hint in hints(hostname, account))),
    )
