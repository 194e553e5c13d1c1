"""Why an operation failed: stored with it as data, and explained in words that say what to do."""

from dataclasses import dataclass
from enum import StrEnum

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
    NEVER_ARRIVED = "never_arrived"
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
                _("The provider accepted it, and does not know its operation any more."),
                _("Look at the provider's side, then say what became of it."),
                quote,
            )
        case Reason.FAULT:
            return _explain_fault(problem, quote)
        case Reason.UNREACHABLE:
            return Problem(
                _("The provider could not be reached."),
                _("Nothing was sent, so nothing happened. Try again when the provider is back."),
            )
        case Reason.SESSION:
            return Problem(
                _("The provider ended the session twice in a row."),
                _("Nothing happened. Try again; if it goes on, ask the provider."),
            )
        case Reason.ACCOUNT:
            return Problem(
                str(dict(Account.Trouble.choices).get(quote, _("The account cannot be used."))),
                _("Nothing was sent. Correct the account's settings, then try again."),
            )
        case Reason.UNSENDABLE:
            return Problem(
                _("A value holds characters that the provider's protocol cannot carry."),
                _("Nothing was sent. Ask again with plain text."),
                quote,
            )
        case Reason.ENDED_IN_ERROR:
            return Problem(
                _("The provider began and could not finish it."),
                _("Look at the object's state before you try again."),
                quote,
            )
        case Reason.NEVER_ARRIVED:
            return Problem(
                _("The provider has no record of this request."),
                _("It did not arrive, so nothing happened. It is safe to try again."),
            )
        case Reason.RULED_OUT:
            return Problem(
                _("A member of the team looked and found that it did not happen."),
                _("It can be asked for again."),
            )
        case Reason.NO_ANSWER if operation.needs_person and not problem.get("candidates"):
            return Problem(
                _("The provider accepted it, and its list of operations does not show it."),
                _("Look at the provider's side, then say what became of it."),
            )
        case Reason.NO_ANSWER if operation.needs_person:
            return Problem(
                _("The provider did not answer, and several of its operations look like this one."),
                _("Compare them with what you asked for; Sharedeck will not send it again by itself."),
            )
        case Reason.NO_ANSWER if operation.state == State.UNCERTAIN:
            return Problem(
                _("The provider did not answer."),
                _("It may have happened. Sharedeck is looking it up in the provider's list; do not ask again yet."),
            )
    return _explain_approval(problem)


def _explain_fault(problem: dict[str, object], quote: str) -> Problem:
    code = int(str(problem.get("code", 0)))
    if code < 500_000:
        return Problem(_("The provider has a fault of its own."), _("Try again later."), quote)
    known = {
        (300, 60): (
            _("The balance does not cover it."),
            _("Top up the prepaid account, or ask for less or for a shorter time."),
        ),
        (301, 60): (
            _("The product cannot be changed like that."),
            _("It cannot shrink below what servers and disks use: free shares or disk first."),
        ),
        (801, 60): (_("The server's state does not allow it."), _("Refresh, look at its state, then ask again.")),
        (802, 60): (_("The disk's state does not allow it."), _("Refresh, look at its state, then ask again.")),
        (102, 50): (
            _("The session may only read."),
            _("Check in the account's settings that its handle is the right one."),
        ),
        (1, 30): (_("The provider does not accept this password."), _("Choose another root password.")),
    }
    place, cause = int(str(problem.get("object", 0))), int(str(problem.get("cause", 0)))
    if found := known.get((place, cause)):
        return Problem(*found, quote)
    element = str(problem.get("element", ""))
    match cause:
        case 10 | 20 | 30:
            return Problem(
                _("The provider does not accept a value."),
                _("Correct “%(element)s” and ask again.") % {"element": element}
                if element
                else _("Correct it and ask again."),
                quote,
            )
        case 40:
            return Problem(_("The provider does not know this object."), _("It may be gone: refresh the page."), quote)
        case 50:
            return Problem(
                _("The provider does not let this login do that."), _("Check the account's handle and rights."), quote
            )
        case 60:
            return Problem(
                _("The state of things does not allow it."), _("Refresh, look at it, then ask again."), quote
            )
    return Problem(_("The provider refused it."), _("Read what it says, correct that, and ask again."), quote)


def _explain_approval(problem: dict[str, object]) -> Problem | None:
    """Why an operation waits for approval, or was not approved."""
    match problem.get("reason"):
        case Reason.ABOVE_CEILING:
            over = str(problem.get("over", ""))
            if "money" in over:
                title = _("It is above the money that the role may spend in a month.")
            elif "shares" in over:
                title = _("It is above the shares that the role may ask for in a month.")
            else:
                title = _("Its price is not known, and the role has a ceiling in money.")
            return Problem(title, _("Nothing is sent before somebody else in the team approves it."))
        case Reason.DECLINED:
            return Problem(
                _("It was above the month's ceiling, and was not approved."),
                _("Nothing was sent. Ask for less, or talk to whoever decided."),
            )
        case Reason.NOT_DECIDED:
            return Problem(
                _("It was above the month's ceiling, and nobody approved it in time."),
                _("Nothing was sent. Ask again, and tell somebody who may approve it."),
            )
    return None
