"""Why an operation failed: stored with it as data, and explained in words that say what to do."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from hosting.accounts.models import Account
from hosting.api import DataFault, Fault
from hosting.operations.models.operation import Operation
from hosting.operations.models.states import State


class Reason(StrEnum):
    """Values of `Operation.problem["reason"]`."""

    FAULT = "fault"
    UNREACHABLE = "unreachable"
    SESSION = "session"
    ACCOUNT = "account"
    NO_ANSWER = "no_answer"
    NOT_SEEN = "not_seen"
    FIRST_ARRIVED = "first_arrived"
    ENDED_IN_ERROR = "ended_in_error"
    UNSENDABLE = "unsendable"
    RULED_OUT = "ruled_out"
    ABOVE_CEILING = "above_ceiling"
    DECLINED = "declined"
    NOT_DECIDED = "not_decided"


@dataclass(frozen=True)
class Problem:
    """What went wrong, what to do about it, and the provider's own words when it gave some."""

    title: str
    advice: str
    quote: str = ""


def of_fault(fault: Fault) -> dict[str, object]:
    """A fault as data. The text holds no secrets: the client removes them."""
    problem: dict[str, object] = {"reason": Reason.FAULT, "code": fault.code, "text": fault.text}
    if isinstance(fault, DataFault):
        problem |= {"object": int(fault.object), "cause": int(fault.cause), "element": fault.element}
    return problem


def explain(operation: Operation) -> Problem | None:
    """The problem of an operation in words; None when it has none."""
    problem = operation.problem
    quote = str(problem.get("text", ""))
    match problem.get("reason"):
        case Reason.FAULT if operation.needs_person and operation.state == State.UNCERTAIN:
            return Problem(
                _("The provider accepted the operation but no longer lists it."),
                _("Check at the provider, then choose an outcome here."),
                quote,
            )
        case Reason.FAULT:
            return _explain_fault(problem, quote)
        case Reason.UNREACHABLE:
            return Problem(
                _("The provider couldn't be reached."),
                _("Nothing was sent. Retry when the provider responds again."),
            )
        case Reason.SESSION:
            return Problem(
                _("The provider closed the session twice in a row."),
                _("Nothing was changed. Retry. If this keeps happening, contact the provider."),
            )
        case Reason.ACCOUNT:
            return Problem(
                str(dict(Account.Trouble.choices).get(quote, _("The account can't be used."))),
                _("Nothing was sent. Fix the account's credentials, then retry."),
            )
        case Reason.UNSENDABLE:
            return Problem(
                _("A value contains characters that the provider doesn't support."),
                _("Nothing was sent. Submit it again with plain text."),
                quote,
            )
        case Reason.ENDED_IN_ERROR:
            return Problem(
                _("The provider started the operation but couldn't finish it."),
                _("Check the object's state before you retry."),
                quote,
            )
        case Reason.NO_ANSWER if operation.needs_person and not problem.get("candidates"):
            return Problem(
                _("The provider accepted the operation, but it isn't in the provider's list."),
                _("Check at the provider, then choose an outcome here."),
            )
        case Reason.NO_ANSWER if operation.needs_person:
            return Problem(
                _("The provider didn't respond, and several operations in its list match this one."),
                _("Compare them with this operation and choose one. Sharedeck won't send it again automatically."),
            )
        case Reason.NO_ANSWER if operation.state == State.UNCERTAIN and operation.keyed:
            return Problem(
                _("The provider didn't respond."),
                _("Sharedeck asks again until it knows. The provider recognises the request: it can't happen twice."),
            )
        case Reason.NO_ANSWER if operation.state == State.UNCERTAIN:
            return Problem(
                _("The provider didn't respond."),
                _("The operation may have gone through. Sharedeck is checking the provider's list. Don't retry yet."),
            )
    return _explain_absence(problem) or _explain_approval(problem)


def _explain_absence(problem: dict[str, object]) -> Problem | None:
    """Why an operation counts as not sent, as far as the provider's list shows."""
    match problem.get("reason"):
        case Reason.NOT_SEEN:
            since = str(problem.get("since", ""))
            title = _("Not seen at the provider since %(time)s.") % {"time": _clock(since)} if since else ""
            return Problem(
                title or _("Not seen at the provider."),
                _("If it turns up late, it is matched here. A retry looks for it at the provider before it is sent."),
            )
        case Reason.FIRST_ARRIVED:
            return Problem(_("The first attempt has turned up at the provider."), _("Nothing was sent again."))
        case Reason.RULED_OUT:
            return Problem(
                _("A team member checked and confirmed that this didn't happen."),
                _("You can retry it."),
            )
    return None


def _clock(stamp: str) -> str:
    """The time of day in the reader's zone, with the date unless it is today."""
    local = timezone.localtime(datetime.fromisoformat(stamp))
    day = "" if local.date() == timezone.localdate() else f"{date_format(local, 'DATE_FORMAT')} "
    return f"{day}{local:%H:%M}"


def _explain_fault(problem: dict[str, object], quote: str) -> Problem:
    code = int(str(problem.get("code", 0)))
    if code < 500_000:
        return Problem(_("The provider had an internal error."), _("Retry later."), quote)
    known = {
        (300, 60): (
            _("The balance is too low."),
            _("Top up the prepaid balance, or choose a smaller quantity or a shorter duration."),
        ),
        (301, 60): (
            _("The product can't be changed this way."),
            _("The quantity can't go below what servers and disks use. Free up shares or disk space first."),
        ),
        (801, 60): (
            _("The server's state doesn't allow this operation."),
            _("Reload the page, check the state, then retry."),
        ),
        (802, 60): (
            _("The disk's state doesn't allow this operation."),
            _("Reload the page, check the state, then retry."),
        ),
        (102, 50): (
            _("The provider session is read-only."),
            _("Check the handle in the account's settings."),
        ),
        (1, 30): (_("The provider doesn't accept this password."), _("Choose another root password.")),
    }
    place, cause = int(str(problem.get("object", 0))), int(str(problem.get("cause", 0)))
    if found := known.get((place, cause)):
        return Problem(*found, quote)
    element = str(problem.get("element", ""))
    match cause:
        case 10 | 20 | 30:
            return Problem(
                _("The provider rejected a value."),
                _("Fix “%(element)s” and try again.") % {"element": element} if element else _("Fix it and try again."),
                quote,
            )
        case 40:
            return Problem(
                _("The provider can't find this object."), _("It may have been deleted. Reload the page."), quote
            )
        case 50:
            return Problem(
                _("These credentials don't have permission for this at the provider."),
                _("Check the account's handle and its rights at the provider."),
                quote,
            )
        case 60:
            return Problem(
                _("The current state doesn't allow this operation."),
                _("Reload the page, check the object, then retry."),
                quote,
            )
    return Problem(
        _("The provider rejected the operation."), _("Read the provider's message, fix the problem, then retry."), quote
    )


def _explain_approval(problem: dict[str, object]) -> Problem | None:
    """Why an operation waits for approval, or was not approved."""
    match problem.get("reason"):
        case Reason.ABOVE_CEILING:
            over = str(problem.get("over", ""))
            if "money" in over:
                title = _("This exceeds the role's monthly spending limit.")
            elif "shares" in over:
                title = _("This exceeds the number of shares that the role can buy in a month.")
            else:
                title = _("The price isn't known, and the role has a spending limit.")
            return Problem(title, _("Nothing is sent until another team member approves it."))
        case Reason.DECLINED:
            return Problem(
                _("This exceeded the monthly spending limit and wasn't approved."),
                _("Nothing was sent. Request less, or talk to the approver."),
            )
        case Reason.NOT_DECIDED:
            return Problem(
                _("This exceeded the monthly spending limit and wasn't approved in time."),
                _("Nothing was sent. Retry, and ask someone with approval permission to approve it."),
            )
    return None
