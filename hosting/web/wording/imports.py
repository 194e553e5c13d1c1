"""The progress of an account's first import, in words."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from hosting.accounts.models import Account
from hosting.inventory import progress
from hosting.inventory.progress import Progress
from hosting.web.wording.formats import plain
from hosting.web.wording.registry import register


@register.filter
def importing(account: Account) -> Progress | None:
    """The progress of the account's first import; None when it is over or unknown. One Redis read at most."""
    return None if account.mirrored_at or account.trouble else progress.current(account.pk)


@register.filter
def import_words(import_: Progress) -> str:
    """412 of 2,000, about 40 seconds left"""
    done = _("%(done)s of %(total)s") % {"done": plain(import_.done), "total": plain(import_.total)}
    return done if import_.left_s is None else f"{done}, {time_left(import_.left_s)}"


def time_left(seconds: int) -> str:
    """An estimated time in round numbers."""
    if seconds < 10:
        return _("a few seconds left")
    if seconds < 55:
        rounded = round(seconds / 10) * 10
        return ngettext("about %d second left", "about %d seconds left", rounded) % rounded
    minutes = round(seconds / 60)
    if minutes < 90:
        return ngettext("about %d minute left", "about %d minutes left", minutes) % minutes
    hours = round(minutes / 60)
    return ngettext("about %d hour left", "about %d hours left", hours) % hours
