"""The steps of a plan in words: what each does, needs and costs, and why it stopped."""

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hosting.accounts.models import Account
from hosting.operations.models.plan import Plan
from hosting.operations.plans.base import Step, StopReason
from hosting.web.wording.formats import plain, size
from hosting.web.wording.permissions import WHY_NOT
from hosting.web.wording.registry import register
from hosting.web.wording.words import duration, share_count

_TITLES = {
    "buy": gettext_lazy("Add shares"),
    "verify": gettext_lazy("Verify the shares"),
    "vm": gettext_lazy("Create the server"),
    "disk": gettext_lazy("Create the data disk"),
    "attach": gettext_lazy("Attach the disk"),
    "stop": gettext_lazy("Stop the server"),
    "change": gettext_lazy("Change its size"),
    "start": gettext_lazy("Start it again"),
}

_PLANS = {
    Plan.Kind.NEW_SERVER: (gettext_lazy("New server %(name)s"), "server-cog"),
    Plan.Kind.RESIZE: (gettext_lazy("Resize %(name)s"), "scaling"),
}

_REASONS = {
    StopReason.NOT_FREE: gettext_lazy("The shares that this server needs are not free."),
    StopReason.MEMBER_LEFT: gettext_lazy(
        "Whoever started this plan is not in the team any more, or their API token has ended."
    ),
    StopReason.NO_PASSWORD: gettext_lazy("The root password was not kept. Give it again."),
    StopReason.QUIET: gettext_lazy("The team deletes nothing in its quiet hours. Go on when they are over."),
    StopReason.AWAY: gettext_lazy("The provider did not answer: nothing was sent. Try again when it is back."),
    StopReason.BUSY: gettext_lazy("Another operation was still at work on the same object. Try again."),
    StopReason.NOT_ENOUGH: gettext_lazy("There were not enough free shares, or not enough disk space that they bring."),
}

_REFUSED = {
    "vm": gettext_lazy("This operating system is not on offer any more: choose another one."),
    "attach": gettext_lazy("The disk or the server was not in a state to be attached: look at both, then try again."),
}


@register.filter
def plan_title(plan: Plan) -> str:
    """The title of a plan: "New server web-1"."""
    title, _icon = _PLANS[Plan.Kind(plan.kind)]
    return str(title) % {"name": plan.spec["hostname"]}


@register.filter
def plan_icon(plan: Plan) -> str:
    _title, icon = _PLANS[Plan.Kind(plan.kind)]
    return icon


@register.filter
def step_title(step: Step) -> str:
    """What a step does."""
    return str(_TITLES[step.name])


@register.filter
def step_cost(step: Step) -> str:
    """What a step needs and costs."""
    match step.name:
        case "buy" if step.shares:
            return _("%(shares)s for %(duration)s, paid from the balance") % {
                "shares": share_count(step.shares),
                "duration": duration(step.duration),
            }
        case "buy":
            return _("nothing: existing free shares are used")
        case "verify":
            return _verified(step)
        case "vm" if step.disk_mb:
            return _("%(shares)s, with %(disk)s for the system disk") % {
                "shares": share_count(step.shares),
                "disk": size(step.disk_mb),
            }
        case "vm":
            return share_count(step.shares)
        case "disk":
            return _("%(disk)s of disk, no shares") % {"disk": size(step.disk_mb)}
        case "stop":
            return _("what runs on it stops, until the last step")
        case "change":
            return _changed(step)
        case "start":
            return _("it is back, with its new size")
    return _("nothing")


def _changed(step: Step) -> str:
    if step.shares < 0:
        return ngettext("gives %d share back", "gives %d shares back", -step.shares) % -step.shares
    if not step.shares:
        return _("no more shares")
    more = ngettext("%d more share", "%d more shares", step.shares) % step.shares
    return more if step.free_shares is None else f"{more}, " + _("%s free") % plain(step.free_shares)


def _verified(step: Step) -> str:
    needed = ngettext("%d share needed", "%d shares needed", step.shares) % step.shares
    if step.free_shares is None:
        return needed
    return f"{needed}, " + _("%s free") % plain(step.free_shares)


@register.filter
def stop_words(problem: dict[str, Any] | None) -> str:
    """Why Sharedeck stopped a plan; empty when the step's operation says so."""
    problem = problem or {}
    match problem.get("reason"):
        case None:
            # Older rows hold the words themselves.
            return str(problem.get("message", ""))
        case StopReason.TROUBLE:
            trouble = dict(Account.Trouble.choices).get(problem.get("trouble", ""), "")
            return f"{trouble}. " + _("Correct the account's settings first; nothing was sent.")
        case StopReason.NOT_ALLOWED:
            why = next((str(words) for need, words in WHY_NOT.items() if need == problem.get("permission")), "")
            return _("Whoever started it may not do this step: somebody else can try again.") + f" {why}".rstrip()
        case StopReason.REFUSED:
            refused = _("The state of things did not allow it: look at it, then try again.")
            return str(_REFUSED.get(str(problem.get("step")), refused))
        case reason:
            known = {str(each): words for each, words in _REASONS.items()}
            return str(known.get(str(reason), reason))
