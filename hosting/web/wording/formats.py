"""Numbers, sizes and times for people, with the exact value as a title."""

from datetime import datetime, timedelta
from decimal import Decimal
from functools import lru_cache
from typing import Any

from django.utils import formats, timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import get_language, ngettext
from django.utils.translation import gettext as _

from hosting.web.wording.registry import register


def plain(value: float | Decimal) -> str:
    """A number in the reader's language, without trailing zeros."""
    return formats.number_format(f"{Decimal(str(value)):.2f}".rstrip("0").rstrip("."), force_grouping=True)


@register.filter
def number(value: Any) -> str:
    """12345.50 → 12,345.5"""
    return "" if value is None or value == "" else plain(value)


@register.filter
def money(amount: Decimal | None, currency: str) -> str:
    """24 → 24.00 EUR, always with its cents, in the reader's language."""
    if amount is None:
        return ""
    return f"{formats.number_format(amount, decimal_pos=2, force_grouping=True)}\N{NO-BREAK SPACE}{currency}"


@register.simple_tag
def cost(amount: Decimal | None, currency: str) -> str:
    """What was paid or refunded; empty when unknown."""
    if amount is None:
        return ""
    paid = money(abs(amount), currency)
    return paid if amount >= 0 else _("%(amount)s credited") % {"amount": paid}


@register.filter
def size(mb: Any) -> str:
    """A number of MB in the unit that people use: 8192 → 8 GB."""
    if mb is None or mb == "":
        return ""
    mb = float(mb)
    if abs(mb) < 1024:
        return _("%s MB") % plain(mb)
    # Rounded as it will be shown: what fills a terabyte but for a few MB is 1 TB, not 1,024 GB.
    if round(abs(mb) / 1024, 2) < 1024:
        return _("%s GB") % plain(mb / 1024)
    return _("%s TB") % plain(mb / 1024 / 1024)


@register.simple_tag
def exact_size(mb: Any) -> str:
    """The size for people, with the exact number of MB as its title."""
    if mb is None or mb == "":
        return ""
    return format_html('<span class="nowrap" title="{}">{}</span>', _("%s MB") % plain(mb), size(mb))


@register.filter
def byte_size(count: int) -> str:
    """The size of a short text: 900 bytes, 1.2 KB."""
    if count < 1024:
        return ngettext("%(count)s byte", "%(count)s bytes", count) % {"count": plain(count)}
    return _("%s KB") % plain(round(count / 1024, 1))


@register.filter
def bandwidth(kbps: Any) -> str:
    """kbit/s in Mbit/s: 5120 → 5 Mbit/s."""
    if kbps is None or kbps == "":
        return ""
    return _("%s Mbit/s") % plain(float(kbps) / 1024)


def percent(value: float) -> str:
    """12.5 → 12.5%"""
    # Translators: a number of per cent.
    return _("%s%%") % plain(value)


def rate(bytes_a_second: float) -> str:
    """Bytes a second in the unit that people use: 8192 → 8 KB/s."""
    amount = abs(bytes_a_second)
    if amount < 1024:
        return _("%s B/s") % plain(round(bytes_a_second))
    # Rounded as it will be shown, as sizes are.
    if round(amount / 1024, 2) < 1024:
        return _("%s KB/s") % plain(bytes_a_second / 1024)
    return _("%s MB/s") % plain(bytes_a_second / 1024 / 1024)


def _local(at: datetime) -> datetime:
    """The moment in the reader's zone. Moments at the limits of `datetime`, which mean "never", are not shifted."""
    try:
        return timezone.localtime(at)
    except OverflowError:
        return at


def _exact(at: datetime) -> str:
    return _exact_words(at.replace(microsecond=0), get_language(), timezone.get_current_timezone_name())


@lru_cache(maxsize=4096)
def _exact_words(at: datetime, _language: str | None, _zone: str) -> str:
    """The exact time in words. Cached: pages are rendered again and again with the same times."""
    local = _local(at)
    return f"{formats.date_format(local, 'DATE_FORMAT')} {local:%H:%M:%S %Z}"


def words_ago(at: datetime, now: datetime) -> str:
    """The time since `at`, in the largest unit that fits."""
    seconds = max(0, int((now - at).total_seconds()))
    if seconds < 1:
        return _("just now")
    if seconds < 60:
        return ngettext("%d second ago", "%d seconds ago", seconds) % seconds
    if seconds < 3600:
        return ngettext("%d minute ago", "%d minutes ago", seconds // 60) % (seconds // 60)
    if seconds < 86400:
        return ngettext("%d hour ago", "%d hours ago", seconds // 3600) % (seconds // 3600)
    return ngettext("%d day ago", "%d days ago", seconds // 86400) % (seconds // 86400)


def _time(at: datetime, text: str, *, counts: bool) -> SafeString:
    # The browser counts on from here, and knows numbers only: "just now" comes with the page.
    ago = format_html(' data-ago="{}"', _("just now")) if counts else ""
    return format_html('<time datetime="{}" title="{}"{}>{}</time>', at.isoformat(), _exact(at), ago, text)


@register.simple_tag
def hours(count: int) -> str:
    """A length of time: “8 hours”, or “7 days” from two whole days on."""
    if count >= 48 and count % 24 == 0:
        return ngettext("%d day", "%d days", count // 24) % (count // 24)
    return ngettext("%d hour", "%d hours", count) % count


@register.simple_tag
def ago(at: datetime | None) -> str:
    """“3 minutes ago”, updated by the browser; the exact time is the title."""
    return _time(at, words_ago(at, timezone.now()), counts=True) if at else "–"


@register.filter
def is_older_than(at: datetime, other: datetime) -> bool:
    """Whether a page must name this age beside the other one: a round takes a few seconds itself."""
    return other - at > timedelta(seconds=5)


@register.simple_tag
def when(at: datetime | None) -> str:
    """A date and time; the exact one is the title."""
    if at is None:
        return "–"
    local = _local(at)
    return _time(at, f"{formats.date_format(local, 'DATE_FORMAT')} {local:%H:%M}", counts=False)


def day_words(at: datetime) -> str:
    """A date in the reader's zone."""
    return formats.date_format(_local(at), "DATE_FORMAT")


@register.simple_tag
def day(at: datetime | None) -> str:
    """A date; the exact time is the title."""
    return _time(at, day_words(at), counts=False) if at else "–"


@register.simple_tag
def clock(at: datetime | None) -> str:
    """A time of day, with the date when it isn't today."""
    if at is None:
        return "–"
    local = _local(at)
    text = f"{local:%H:%M:%S}"
    if local.date() != timezone.localdate():
        text = f"{formats.date_format(local, 'DATE_FORMAT')} {text}"
    return _time(at, text, counts=False)
