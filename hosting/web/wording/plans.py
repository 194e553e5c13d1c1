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
    "verify": gettext_lazy("Check shares"),
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
    StopReason.NOT_FREE: gettext_lazy("There aren't enough free shares for this server."),
    StopReason.MEMBER_LEFT: gettext_lazy(
        "The member who started this plan has left the team, or their API token has expired."
    ),
    StopReason.TWO_FACTOR: gettext_lazy(
        "The member who started this plan hasn't set up two-factor authentication, which the team requires."
        " Another member can retry it."
    ),
    StopReason.NETWORK: gettext_lazy(
        "The team no longer allows the network from which this plan was started. Retry it from an allowed network."
    ),
    StopReason.NO_PASSWORD: gettext_lazy("The root password is no longer stored. Enter it again."),
    StopReason.QUIET: gettext_lazy("Deleting is blocked during your team's quiet hours. Resume when they are over."),
    StopReason.AWAY: gettext_lazy("The provider didn't respond. Nothing was sent. Retry when it responds again."),
    StopReason.BUSY: gettext_lazy(
        "Another operation was still in progress on the same object. Retry when it has finished."
    ),
    StopReason.FIRST_BOOT: gettext_lazy(
        "One of the SSH keys has been removed, or the provider no longer takes keys or scripts. Edit the plan, then"
        " retry."
    ),
    StopReason.NOT_ENOUGH: gettext_lazy("There weren't enough free shares or disk space. Add shares, then retry."),
}

_REFUSED = {
    "vm": gettext_lazy("This operating system is no longer available. Choose another one."),
    "attach": gettext_lazy("The state of the disk or the server didn't allow attaching. Check both, then retry."),
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
            return _("Uses your free shares")
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
            return _("everything on it stops until the last step")
        case "change":
            return _changed(step)
        case "start":
            return _("the server is back with its new size")
    return _("No cost")


def _free(shares: int) -> str:
    return ngettext("%s free", "%s free", shares) % plain(shares)


def _changed(step: Step) -> str:
    if step.shares < 0:
        return ngettext("frees %d share", "frees %d shares", -step.shares) % -step.shares
    if not step.shares:
        return _("no more shares")
    more = ngettext("%d more share", "%d more shares", step.shares) % step.shares
    return more if step.free_shares is None else f"{more}, " + _free(step.free_shares)


def _verified(step: Step) -> str:
    needed = ngettext("%d share needed", "%d shares needed", step.shares) % step.shares
    if step.free_shares is None:
        return needed
    return f"{needed}, " + _free(step.free_shares)


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
            return f"{trouble}. " + _("Nothing was sent. Fix the account's credentials first.")
        case StopReason.NOT_ALLOWED:
            why = next((str(words) for need, words in WHY_NOT.items() if need == problem.get("permission")), "")
            return (
                _("The member who started the plan doesn't have permission for this step. Another member can retry it.")
                + f" {why}".rstrip()
            )
        case StopReason.REFUSED:
            refused = _("The object's state didn't allow this. Check it, then retry.")
            return str(_REFUSED.get(str(problem.get("step")), refused))
        case reason:
            known = {str(each): words for each, words in _REASONS.items()}
            return str(known.get(str(reason), reason))
