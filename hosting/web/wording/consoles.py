"""Why a console was closed, in words."""

from collections.abc import Iterator

from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hosting.viewings.lifecycle import End

# On the page: what happened, and what to do. Besides those of `End`, what the page finds out itself.
ENDINGS: dict[str, Promise] = {
    End.LEFT: gettext_lazy("Disconnected."),
    End.STOPPED: gettext_lazy("The server is stopped. Start it to use its console."),
    End.GONE: gettext_lazy("The server doesn't exist any more."),
    End.IDLE: gettext_lazy("Disconnected, because nothing was typed for a while."),
    End.ACCESS: gettext_lazy("You have been signed out, or your access has changed. Reload the page."),
    End.CREDENTIALS: gettext_lazy("The account's credentials don't work. Fix them, then connect again."),
    End.HOST_AWAY: gettext_lazy("The provider can't reach the server's host. Wait a minute, then connect again."),
    End.NO_ANSWER: gettext_lazy("The provider isn't responding. Wait a minute, then connect again."),
    End.REFUSED: gettext_lazy("The provider didn't open the console. Ask it why if this happens again."),
    End.BUSY: gettext_lazy("There are too many requests to the provider right now. Wait a moment, then connect again."),
    End.RESTART: gettext_lazy("The panel was restarted. Connect again."),
    End.LOST: gettext_lazy("The connection was lost. Connect again."),
    "unavailable": gettext_lazy(
        "The panel's console service isn't running. Ask the panel's administrator to start it."
    ),
    "too_many": gettext_lazy("You have too many consoles open. Close one, then connect again."),
}

# In the audit log.
_CLOSED_BECAUSE: dict[str, Promise] = {
    End.LEFT: gettext_lazy("Disconnected"),
    End.STOPPED: gettext_lazy("The server was stopped"),
    End.GONE: gettext_lazy("The server was deleted"),
    End.IDLE: gettext_lazy("Nothing was typed for a while"),
    End.ACCESS: gettext_lazy("They were signed out, or lost access"),
    End.CREDENTIALS: gettext_lazy("The account's credentials didn't work"),
    End.HOST_AWAY: gettext_lazy("The server's host didn't respond"),
    End.NO_ANSWER: gettext_lazy("The provider didn't respond"),
    End.REFUSED: gettext_lazy("The provider didn't open the console"),
    End.BUSY: gettext_lazy("There were too many requests to the provider"),
    End.RESTART: gettext_lazy("The panel was restarted"),
    End.LOST: gettext_lazy("The connection was lost"),
}


def closing_words(reason: str, seconds: object) -> Iterator[str]:
    """Why a console was closed and how long it was open, for the audit log."""
    if reason in _CLOSED_BECAUSE:
        yield str(_CLOSED_BECAUSE[reason])
    if isinstance(seconds, int):
        minutes = seconds // 60
        yield (
            ngettext("Open for %(count)d minute", "Open for %(count)d minutes", minutes) % {"count": minutes}
            if minutes
            else _("Open for less than a minute")
        )
