"""How many mails a person may cause in a day (UTC): confirmations of addresses, links to set a password, notices about
their own security, invitations.

Mails are counted where they are sent (`access.allauth_adapters`), and forms that would cause another one ask here
first. Signed-in people are counted one by one, others by their address (for IPv6: their network). The address that a
mail goes to plays no part, so that no answer says whether it is known.
"""

from datetime import UTC, datetime

import redis
from allauth.core.internal import ratelimit
from django.conf import settings
from django.core.cache import cache
from django.http import HttpRequest
from django.utils.translation import gettext as _

from hosting.teams.rejection import Refusal
from hosting.web.access import refusals

# Longer than a day, so that a count never ends before its day.
_KEPT_S = 26 * 3600


def refuse(request: HttpRequest) -> str:
    """Why this request may cause no mail, in words; empty while it may."""
    most: int = settings.MAILS_A_DAY
    if _counted(request) < most:
        return ""
    if not request.user.is_authenticated:
        return _("Too many emails were requested from your network today. Try again tomorrow.")
    refusals.record_refusal(request, Refusal.MAILS)
    return _("You've reached today's limit of %(most)d emails. Try again tomorrow.") % {"most": most}


def count(request: HttpRequest) -> bool:
    """Count a mail. Return whether it is within the budget; always without Redis."""
    key = _key(request)
    try:
        cache.add(key, 0, _KEPT_S)
        number: int = cache.incr(key)
    except (redis.RedisError, ValueError):
        return True
    most: int = settings.MAILS_A_DAY
    return number <= most


def _counted(request: HttpRequest) -> int:
    try:
        return int(cache.get(_key(request), 0))
    except redis.RedisError:
        return 0


def _key(request: HttpRequest) -> str:
    who = f"user:{request.user.pk}" if request.user.is_authenticated else f"ip:{ratelimit.get_ip(request)}"
    return f"mails:{datetime.now(UTC):%Y-%m-%d}:{who}"
