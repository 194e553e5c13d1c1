"""Why nothing can be read of an account, in words."""

from datetime import datetime

from django.utils.translation import gettext as _

from hosting.accounts.models import Account
from hosting.inventory.unread import Why, is_unread
from hosting.operations.models.problems import Problem


def problem(account: Account, now: datetime) -> Problem | None:
    """What keeps the account from being read; None when nothing does, or it may pass by itself within a minute."""
    if not is_unread(account, now):
        return None
    title, advice = _words(account, account.unread_problem.get("why"))
    return Problem(title, advice, str(account.unread_problem.get("text", "")))


def _words(account: Account, why: object) -> tuple[str, str]:
    keeps_trying = _("Sharedeck keeps trying. If this goes on, contact the provider.")
    match why:
        case Why.NO_HOSTING:
            return (
                _("The handle “%(handle)s” has no hosting account at this provider.") % {"handle": account.handle},
                _("Order hosting for it at the provider, or use another handle."),
            )
        case Why.NO_RIGHT:
            return (
                _("These credentials don't have permission for this at the provider."),
                _("Check the account's handle and its rights at the provider."),
            )
        case Why.GARBLED:
            return _("The provider sends data that Sharedeck can't read."), keeps_trying
        case Why.TOO_MANY_CALLS:
            return (
                _("The provider rejects calls because there are too many."),
                _("Sharedeck keeps trying. If other programs use the same login, let them call less often."),
            )
    return _("The provider had an internal error."), keeps_trying
