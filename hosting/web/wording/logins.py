"""The state of an account's credentials, and the result of their test: what to do, and in which field."""

from dataclasses import dataclass

from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hosting.accounts.models import Account, Candidate
from hosting.operations.models.problems import Problem
from hosting.web.wording import unread
from hosting.web.wording.isolation import bdi, naming


@dataclass(frozen=True)
class Standing:
    """A state of credentials: a code, its colour and its label."""

    code: str
    color: str
    label: str | Promise


WORKS = Standing("works", "green", gettext_lazy("Connected"))
TESTING = Standing("testing", "blue state-moving", gettext_lazy("Testing"))
READING = Standing("reading", "blue state-moving", gettext_lazy("First import"))
AWAY = Standing("away", "orange", gettext_lazy("The provider isn't responding"))
UNTESTED = Standing("untested", "orange", gettext_lazy("Not tested"))
UNREAD = Standing("unread", "red", gettext_lazy("Can't be read"))
REFUSED = Standing("refused", "red", gettext_lazy("Connection failed"))

# In the order in which they are counted.
ALL = (WORKS, READING, TESTING, AWAY, UNTESTED, UNREAD, REFUSED)


def account_words(account: Account) -> SafeString:
    """An account among others to choose from: "Production (AA1-GANDI)"."""
    return format_html("{} ({})", bdi(account.label), bdi(account.handle))


def candidate_of(account: Account) -> Candidate | None:
    """The latest test of the account's credentials; no query when it was loaded with the account."""
    return getattr(account, "candidate", None)


def standing(account: Account) -> Standing:
    """The state of the credentials that the account uses now."""
    candidate = candidate_of(account)
    tested = candidate is not None and candidate.is_open
    if account.trouble and tested:
        return AWAY if account.endpoint.away_since else TESTING
    if account.trouble == Account.Trouble.UNTESTED:
        return UNTESTED
    if account.trouble:
        return Standing(REFUSED.code, REFUSED.color, account.get_trouble_display())
    if account.endpoint.away_since:
        return AWAY
    if unread.problem(account, timezone.now()):
        return UNREAD
    return WORKS if account.mirrored_at else READING


@dataclass(frozen=True)
class Correction:
    """What to correct, and in which field of the form."""

    field: str
    problem: Problem

    @property
    def beside(self) -> str:
        """Both sentences, to show beside the field."""
        return format_html("{} {}", self.problem.title, self.problem.advice)


def correction(candidate: Candidate | None) -> Correction | None:
    """What to correct after a failed test; None when there is nothing to correct."""
    if candidate is None or not candidate.needs_look:
        return None
    if candidate.state == Candidate.State.EXPIRED:
        return Correction("password", _expired(candidate))
    match candidate.refusal:
        case Candidate.Refusal.HANDLE:
            title: str = naming(_("These credentials can't act as “%(handle)s”."), handle=candidate.handle)
            advice = _("Enter the login's own handle, or the handle of one of its customers.")
            return Correction("handle", Problem(title, advice, candidate.said))
        case Candidate.Refusal.TAKEN:
            return Correction(
                "handle",
                Problem(_("Your team already has an account with this login and handle."), _("Enter another handle.")),
            )
        case Candidate.Refusal.SEAL:
            return Correction(
                "password",
                Problem(_("The password can't be decrypted with the current keys."), _("Enter it again.")),
            )
    if candidate.new_password:
        title = _("The provider rejected the new password.")
        advice = _("It was deleted here. Enter the current password at the provider.")
    else:
        title = _("The provider rejected the credentials.")
        advice = _("Check the login and enter the password again.")
    return Correction("password", Problem(title, advice, candidate.said))


def _expired(candidate: Candidate) -> Problem:
    title = _("The provider didn't respond for a day.")
    if candidate.new_password:
        return Problem(
            title, _("The new password was deleted here without a test. Enter it again when the provider responds.")
        )
    return Problem(title, _("Test the credentials again when the provider responds."))
