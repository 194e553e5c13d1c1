"""The audit log in words: actions, sign-in methods, outcomes, and the values that were changed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from hosting.operations.kinds import catalogue
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import State
from hosting.teams.access.policy import Bar
from hosting.teams.audit.models import AuditEntry
from hosting.teams.roles import Permission, Role
from hosting.web.wording.days import DAYS
from hosting.web.wording.permissions import PERMISSION_WORDS, TOKEN_PERMISSIONS
from hosting.web.wording.words import LISTS, PARAMETERS, parameter_value

_BARS: dict[str, Promise] = {
    Bar.NETWORK: gettext_lazy("The request came from a network that the team has not allowed."),
    Bar.TWO_FACTOR: gettext_lazy("The time to set up a second factor was over."),
}

ACTIONS = {
    "account.changed": gettext_lazy("Renamed the account"),
    "account.connected": gettext_lazy("Connected the account"),
    "account.password_passed_on": gettext_lazy("Gave the new password to another handle of the login"),
    "account.signed_in_again": gettext_lazy("Had Sharedeck sign in again at the provider"),
    "account.stopped": gettext_lazy("Stopped the account: its login does not work"),
    "account.test_accepted": gettext_lazy("The provider accepted the credentials"),
    "account.test_asked": gettext_lazy("Gave credentials to be tested"),
    "account.test_dismissed": gettext_lazy("Put the failed test of credentials aside"),
    "account.test_expired": gettext_lazy("Credentials could not be tested in time"),
    "account.test_refused": gettext_lazy("The provider refused the credentials"),
    "bulk.paused": gettext_lazy("Paused a change of many"),
    "bulk.resumed": gettext_lazy("Resumed a change of many"),
    "bulk.retried": gettext_lazy("Asked again for what failed of many"),
    "bulk.set_aside": gettext_lazy("Put a change of many aside"),
    "invitation.accepted": gettext_lazy("Accepted an invitation"),
    "invitation.revoked": gettext_lazy("Revoked an invitation"),
    "invitation.sent": gettext_lazy("Invited somebody"),
    "invitation.sent_again": gettext_lazy("Sent an invitation again"),
    "list.exported": gettext_lazy("Exported a list"),
    "member.changed": gettext_lazy("Changed what a member may do"),
    "member.ended": gettext_lazy("A temporary membership ended"),
    "member.joined": gettext_lazy("Joined the team"),
    "member.left": gettext_lazy("Left the team"),
    "member.removed": gettext_lazy("Removed a member"),
    "note.changed": gettext_lazy("Changed a note"),
    "operation.approved": gettext_lazy("Approved what was held"),
    "operation.cancel_asked": gettext_lazy("Asked the provider to cancel"),
    "operation.cancelled": gettext_lazy("Cancelled before it was sent"),
    "operation.decided": gettext_lazy("Decided what became of an unconfirmed request"),
    "operation.ended": gettext_lazy("An operation ended"),
    "operation.not_decided": gettext_lazy("Nobody approved in time"),
    "operation.refused": gettext_lazy("Refused what was held"),
    "operation.set_aside": gettext_lazy("Put a failed operation aside"),
    "page.refused": gettext_lazy("Was refused"),
    "person.email_added": gettext_lazy("Added an email address"),
    "person.email_changed": gettext_lazy("Changed the email address"),
    "person.email_removed": gettext_lazy("Removed an email address"),
    "person.factor_added": gettext_lazy("Set up a second factor"),
    "person.factor_failed": gettext_lazy("Gave a wrong second factor"),
    "person.factor_removed": gettext_lazy("Removed a second factor"),
    "person.factor_renewed": gettext_lazy("Made new recovery codes"),
    "person.password_changed": gettext_lazy("Changed the password"),
    "person.password_reset": gettext_lazy("Reset the password by mail"),
    "person.renamed": gettext_lazy("Took another name"),
    "person.sessions_ended": gettext_lazy("Ended sessions"),
    "person.sign_in_failed": gettext_lazy("Did not get in: the password was wrong"),
    "person.signed_in": gettext_lazy("Signed in"),
    "person.signed_out": gettext_lazy("Signed out"),
    "plan.abandoned": gettext_lazy("Abandoned a plan"),
    "plan.drafted": gettext_lazy("Made a plan"),
    "plan.resumed": gettext_lazy("Resumed a plan"),
    "plan.revised": gettext_lazy("Changed a plan"),
    "plan.started": gettext_lazy("Started a plan"),
    "policy.networks": gettext_lazy("Changed the allowed networks"),
    "policy.quiet_hours": gettext_lazy("Changed the quiet hours"),
    "policy.session": gettext_lazy("Changed how long sessions last"),
    "policy.two_factor": gettext_lazy("Changed who needs a second factor"),
    "tag.changed": gettext_lazy("Changed a tag"),
    "tag.created": gettext_lazy("Made a tag"),
    "tag.deleted": gettext_lazy("Deleted a tag"),
    "tags.put": gettext_lazy("Changed the tags of objects"),
    "team.ceilings": gettext_lazy("Changed the spending ceilings"),
    "team.created": gettext_lazy("Made the team"),
    "team.settings": gettext_lazy("Changed the team's settings"),
    "team.transferred": gettext_lazy("Made somebody else the owner"),
    "token.created": gettext_lazy("Made an API token"),
    "token.refused": gettext_lazy("An API token was refused"),
    "token.revoked": gettext_lazy("Revoked an API token"),
    "trail.exported": gettext_lazy("Exported the audit trail"),
    "view.deleted": gettext_lazy("Deleted a shared view"),
    "view.shared": gettext_lazy("Shared a view"),
}

# The groups of the filter, with the prefixes of their actions.
GROUPS: Mapping[str, tuple[Any, Sequence[str]]] = {
    "operations": (gettext_lazy("Operations and plans"), ("operation.", "bulk.", "plan.")),
    "accounts": (gettext_lazy("Reseller logins"), ("account.",)),
    "sign_in": (gettext_lazy("Signing in"), ("person.",)),
    "team": (gettext_lazy("Team and policies"), ("team.", "policy.", "member.", "invitation.")),
    "tokens": (gettext_lazy("API tokens"), ("token.",)),
    "desk": (gettext_lazy("Tags, notes and views"), ("tag.", "tags.", "note.", "view.")),
    "refused": (gettext_lazy("Refusals"), ("page.",)),
    "exports": (gettext_lazy("Exports"), ("list.", "trail.")),
}
OUTCOMES = {
    "refused": gettext_lazy("Refused"),
    "failed": gettext_lazy("Failed"),
    "held": gettext_lazy("Held for approval"),
    **{state.value: state.label for state in (State.DONE, State.CANCELLED, State.NOT_SENT, State.RELEASED)},
    State.DECLINED.value: State.DECLINED.label,
}
_FACTORS = {
    "password": gettext_lazy("password"),
    "totp": gettext_lazy("authenticator app"),
    "webauthn": gettext_lazy("passkey"),
    "recovery_codes": gettext_lazy("recovery code"),
    "code": gettext_lazy("code by mail"),
}
_NAMES = {
    **PARAMETERS,
    "label": gettext_lazy("Label"),
    "handle": gettext_lazy("Handle"),
    "login": gettext_lazy("Login"),
    "color": gettext_lazy("Colour"),
    "query": gettext_lazy("Filter"),
    "bulk_at_once": gettext_lazy("At once"),
    "trouble": gettext_lazy("Trouble"),
    "role": gettext_lazy("Role"),
    "accounts": gettext_lazy("Accounts"),
    "expires_at": gettext_lazy("Ends"),
    "until": gettext_lazy("Ends"),
    "link_until": gettext_lazy("The link works until"),
    "money": gettext_lazy("Money"),
    "tags": gettext_lazy("Tags"),
    "of": gettext_lazy("Belongs to"),
    "permissions": gettext_lazy("Permissions"),
    "networks": gettext_lazy("Networks"),
    "two_factor_since": gettext_lazy("Second factor required since"),
    "grace_days": gettext_lazy("Days to set it up"),
    "session_hours": gettext_lazy("Hours of a session"),
    "quiet_from": gettext_lazy("Quiet from"),
    "quiet_until": gettext_lazy("Quiet until"),
    "quiet_zone": gettext_lazy("Time zone"),
    "quiet_days": gettext_lazy("Days"),
}
# Values that hold a time, stored as ISO 8601.
_MOMENTS = {"expires_at", "until", "link_until", "two_factor_since", "date_end"}
_CHOICES: Mapping[str, Mapping[Any, Any]] = {
    "of": {"team": gettext_lazy("the team"), "person": gettext_lazy("the person who made it")},
    "permissions": {Permission.VIEW.value: gettext_lazy("See")}
    | {permission.value: title for permission, (title, _text) in TOKEN_PERMISSIONS.items()},
    "quiet_days": dict(DAYS),
}
_VALUES: Mapping[str, Any] = {
    **{str(value): label for value, label in Plan.State.choices},
    **{str(value): label for value, label in State.choices},
    **{str(value): label for value, label in Role.choices},
}


def action_words(entry: AuditEntry) -> str:
    """What was done, without the object. An action without words here is shown as it is stored."""
    group, _dot, method = entry.action.partition(".")
    if entry.action == "operation.ended" and (method := str(entry.detail.get("method", ""))):
        return _("Ended: %(what)s") % {"what": catalogue.title(method)}
    if words := ACTIONS.get(entry.action):
        return str(words)
    if method in catalogue.KINDS and group == "bulk":
        return _("Asked for many: %(what)s") % {"what": catalogue.title(method)}
    if method in catalogue.KINDS:
        return _("Asked for: %(what)s") % {"what": catalogue.title(method)}
    return entry.action


def more_words(entry: AuditEntry) -> Iterator[str]:
    """Further details, besides the values that changed."""
    detail = entry.detail
    if entry.action == "page.refused":
        reason = detail.get("reason", "")
        if reason in {permission.value for permission in Permission}:
            yield _("It needs the permission to %(what)s.") % {"what": PERMISSION_WORDS[Permission(reason)]}
        elif reason in _BARS:
            yield str(_BARS[reason])
    if ways := detail.get("ways"):
        yield _("With: %(ways)s") % {"ways": ", ".join(str(_FACTORS.get(way, way)) for way in ways)}
    if factor := detail.get("factor"):
        yield str(_FACTORS.get(factor, factor)).capitalize()
    for name in ("attempts", "times"):
        if isinstance(count := detail.get(name), int) and count > 1:
            yield _("%(count)d times within ten minutes") % {"count": count}
    if (exported := detail.get("list")) in LISTS:
        yield str(LISTS[exported])
    if detail.get("password"):
        yield _("With a new password")
    if comment := detail.get("comment"):
        yield f"“{comment}”"
    for name, sign in (("on", "+"), ("off", "−")):
        if entry.action == "tags.put" and (tags := detail.get(name)):
            yield f"{sign} {', '.join(tags)}"


def outcome_words(outcome: str) -> str:
    """The outcome of an action."""
    return str(OUTCOMES.get(outcome, outcome))


def changes(entry: AuditEntry) -> list[tuple[str, str, str]]:
    """The values that changed: name, before, after. A value that did not or does not exist is empty."""
    before, after = _as_pairs(entry.before), _as_pairs(entry.after)
    names = [*before, *(name for name in after if name not in before)]
    # The object's id is shown beside its name already.
    if entry.action == "operation.ended":
        # The outcome says this already.
        return []
    names = [name for name in names if not (name.endswith("_id") and entry.thing.endswith(f":{after.get(name)}"))]
    found = [
        (name, *(_said(name, pairs[name]) if name in pairs else "" for pairs in (before, after))) for name in names
    ]
    return [(_name(name), old, new) for name, old, new in found if old != new]


def _as_pairs(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    return {} if value in (None, "", []) else {"": value}


def _name(name: str) -> str:
    return str(_NAMES.get(name, _VALUES.get(name, name.replace("_", " "))))


def _said(name: str, value: Any) -> str:
    if name == "accounts" and value is None:
        return _("all")
    if name in _CHOICES and value not in (None, ""):
        return ", ".join(_choice(name, each) for each in (value if isinstance(value, list) else [value]))
    if value in (None, "", [], {}):
        return _("none") if name == "accounts" else ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping):
        said = [(_name(key), _said(key, each)) for key, each in value.items()]
        return ", ".join(f"{label}: {words}" for label, words in said if words)
    if isinstance(value, list):
        return ", ".join(_said(name, each) for each in value)
    if isinstance(value, str) and value in _VALUES:
        return str(_VALUES[value])
    if name in {"quiet_from", "quiet_until"}:
        return str(value)[:5]
    if name in _MOMENTS and isinstance(value, str) and (moment := _moment(value)):
        return moment
    return parameter_value(value, name)


def _choice(name: str, value: Any) -> str:
    return str(_CHOICES[name].get(value, value))


def _moment(text: str) -> str:
    """A stored time in the reader's zone; empty when it is not a time."""
    try:
        at = parse_datetime(text)
    except ValueError:
        return ""
    if at is None or timezone.is_naive(at):
        return ""
    local = timezone.localtime(at)
    return f"{formats.date_format(local, 'DATE_FORMAT')} {local:%H:%M}"
