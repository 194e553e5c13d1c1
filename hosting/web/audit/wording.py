"""The audit log in words: actions, sign-in methods, outcomes, and the values that were changed."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from django.utils import formats, timezone
from django.utils.dateparse import parse_datetime
from django.utils.functional import Promise
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from hosting.accounts.models import Account
from hosting.annotations.models import Color
from hosting.inventory.models import Product
from hosting.operations.kinds import catalogue
from hosting.operations.models.bulk import Bulk
from hosting.operations.models.plan import Plan
from hosting.operations.models.states import State
from hosting.teams.access.policy import Denial
from hosting.teams.audit.models import AuditEntry
from hosting.teams.rejection import Refusal
from hosting.teams.roles import Permission, Role
from hosting.web.wording.consoles import closing_words
from hosting.web.wording.days import DAYS
from hosting.web.wording.permissions import PERMISSION_WORDS, TOKEN_PERMISSIONS
from hosting.web.wording.words import LISTS, PARAMETERS, kind_noun, parameter_value

# Why somebody was denied access, besides a missing permission.
_REASONS: dict[str, Promise] = {
    Denial.NETWORK: gettext_lazy("The request came from a network that the team doesn't allow."),
    Denial.TWO_FACTOR: gettext_lazy("The deadline for setting up two-factor authentication had passed."),
    Refusal.NOT_FOUND: gettext_lazy("The object didn't exist, or they had no access to it."),
    Refusal.OWN_REQUEST: gettext_lazy("They had requested it themselves."),
    Refusal.NEW_OWNER: gettext_lazy("They and the person who requested it count as one owner for now."),
    Refusal.OWNER_REMOVED: gettext_lazy("Another owner would have had to confirm it, and had just been removed."),
    Refusal.QUIET_HOURS: gettext_lazy("Deleting was blocked during quiet hours."),
    Refusal.OUTLIVES: gettext_lazy("It would have lasted longer than their own membership."),
    Refusal.MAILS: gettext_lazy("They had reached the limit of emails for one day."),
    Refusal.OTHER_ADDRESS: gettext_lazy("The invitation was sent to another address."),
}

ACTIONS = {
    "account.changed": gettext_lazy("Renamed the account"),
    "account.connected": gettext_lazy("Connected the account"),
    "account.password_passed_on": gettext_lazy("Updated the password of another handle with the same login"),
    "account.signed_in_again": gettext_lazy("Reconnected the account"),
    "account.stopped": gettext_lazy("Suspended the account: its credentials don't work"),
    "account.test_accepted": gettext_lazy("The provider accepted the credentials"),
    "account.test_asked": gettext_lazy("Submitted credentials for testing"),
    "account.test_dismissed": gettext_lazy("Dismissed the failed credentials test"),
    "account.test_expired": gettext_lazy("Credentials test timed out"),
    "account.test_refused": gettext_lazy("The provider rejected the credentials"),
    "bulk.paused": gettext_lazy("Paused a bulk action"),
    "bulk.resumed": gettext_lazy("Resumed a bulk action"),
    "bulk.retried": gettext_lazy("Retried the failed part of a bulk action"),
    "bulk.stopped": gettext_lazy("A bulk action was stopped because of the person who requested it"),
    "bulk.set_aside": gettext_lazy("Dismissed a bulk action"),
    "console.closed": gettext_lazy("Closed the console"),
    "console.opened": gettext_lazy("Opened the console"),
    "invitation.accepted": gettext_lazy("Accepted an invitation"),
    "invitation.revoked": gettext_lazy("Revoked an invitation"),
    "invitation.sent": gettext_lazy("Invited a person"),
    "invitation.sent_again": gettext_lazy("Resent an invitation"),
    "invitation.undelivered": gettext_lazy("The email of an invitation could not be delivered"),
    "list.exported": gettext_lazy("Exported a list"),
    "member.changed": gettext_lazy("Changed a member's access"),
    "member.ended": gettext_lazy("A temporary membership ended"),
    "member.joined": gettext_lazy("Joined the team"),
    "member.left": gettext_lazy("Left the team"),
    "member.removed": gettext_lazy("Removed a member"),
    "note.changed": gettext_lazy("Changed a note"),
    "operation.approved": gettext_lazy("Approved an operation"),
    "operation.arrived_late": gettext_lazy("An operation turned up late at the provider"),
    "operation.cancel_asked": gettext_lazy("Requested cancellation at the provider"),
    "operation.cancelled": gettext_lazy("Cancelled an operation before it was sent"),
    "operation.decided": gettext_lazy("Resolved an unconfirmed operation"),
    "operation.ended": gettext_lazy("An operation finished"),
    "operation.not_decided": gettext_lazy("Approval expired"),
    "operation.refused": gettext_lazy("Refused an operation"),
    "operation.set_aside": gettext_lazy("Dismissed a failed operation"),
    "page.refused": gettext_lazy("Was denied access"),
    "person.email_added": gettext_lazy("Added an email address"),
    "person.email_changed": gettext_lazy("Changed the email address"),
    "person.email_removed": gettext_lazy("Removed an email address"),
    "person.factor_added": gettext_lazy("Set up two-factor authentication"),
    "person.factor_failed": gettext_lazy("Entered a wrong two-factor code"),
    "person.factor_removed": gettext_lazy("Removed a two-factor method"),
    "person.factor_renewed": gettext_lazy("Created new recovery codes"),
    "person.password_changed": gettext_lazy("Changed the password"),
    "person.password_failed": gettext_lazy("Entered a wrong current password"),
    "person.password_reset": gettext_lazy("Reset the password by email"),
    "person.ssh_key_added": gettext_lazy("Added a personal SSH key"),
    "person.ssh_key_removed": gettext_lazy("Removed a personal SSH key"),
    "person.renamed": gettext_lazy("Changed their name"),
    "person.sessions_ended": gettext_lazy("Signed out other sessions"),
    "person.sign_in_failed": gettext_lazy("Failed sign-in: wrong password"),
    "person.signed_in": gettext_lazy("Signed in to the panel"),
    "person.signed_out": gettext_lazy("Signed out"),
    "plan.abandoned": gettext_lazy("Discarded a plan"),
    "plan.drafted": gettext_lazy("Created a plan"),
    "plan.resumed": gettext_lazy("Resumed a plan"),
    "plan.revised": gettext_lazy("Changed a plan"),
    "plan.stopped": gettext_lazy("A plan was stopped because of the person who requested it"),
    "plan.started": gettext_lazy("Started a plan"),
    "policy.networks": gettext_lazy("Changed the allowed networks"),
    "policy.quiet_hours": gettext_lazy("Changed the quiet hours"),
    "policy.session": gettext_lazy("Changed the session length"),
    "policy.two_factor": gettext_lazy("Changed the two-factor policy"),
    "ssh_key.added": gettext_lazy("Added an SSH key to the team"),
    "ssh_key.removed": gettext_lazy("Removed an SSH key from the team"),
    "tag.changed": gettext_lazy("Changed a tag"),
    "tag.created": gettext_lazy("Created a tag"),
    "tag.deleted": gettext_lazy("Deleted a tag"),
    "tags.put": gettext_lazy("Changed the tags of objects"),
    "team.ceilings": gettext_lazy("Changed the spending limits"),
    "team.ceilings_discarded": gettext_lazy("Discarded a change of the spending limits"),
    "team.ceilings_requested": gettext_lazy("Requested a change of the spending limits"),
    "team.created": gettext_lazy("Created the team"),
    "team.settings": gettext_lazy("Changed the team's settings"),
    "team.transferred": gettext_lazy("Transferred ownership"),
    "token.created": gettext_lazy("Created an API token"),
    "token.refused": gettext_lazy("An API token was rejected"),
    "token.revoked": gettext_lazy("Revoked an API token"),
    "trail.exported": gettext_lazy("Exported the audit log"),
    "view.deleted": gettext_lazy("Deleted a shared view"),
    "view.shared": gettext_lazy("Shared a view"),
}

# The groups of the filter, with the prefixes of their actions.
GROUPS: Mapping[str, tuple[Any, Sequence[str]]] = {
    "operations": (gettext_lazy("Operations and plans"), ("operation.", "bulk.", "plan.", "console.")),
    "accounts": (gettext_lazy("Accounts and credentials"), ("account.",)),
    "sign_in": (gettext_lazy("Sign-in"), ("person.",)),
    "team": (gettext_lazy("Team and policies"), ("team.", "policy.", "member.", "invitation.")),
    "tokens": (gettext_lazy("API tokens"), ("token.",)),
    "ssh_keys": (gettext_lazy("SSH keys"), ("ssh_key.",)),
    "desk": (gettext_lazy("Tags, notes and views"), ("tag.", "tags.", "note.", "view.")),
    "refused": (gettext_lazy("Denied access"), ("page.",)),
    "exports": (gettext_lazy("Exports"), ("list.", "trail.")),
}
OUTCOMES = {
    "refused": gettext_lazy("Refused"),
    "failed": gettext_lazy("Failed"),
    "held": gettext_lazy("Waiting for approval"),
    **{state.value: state.label for state in (State.DONE, State.CANCELLED, State.NOT_SENT, State.RELEASED)},
    State.DECLINED.value: State.DECLINED.label,
}
# Stopped by Sharedeck, for a reason that plans and bulk actions share.
_STOPS = {"plan.stopped", "bulk.stopped"}
_FACTORS = {
    "password": gettext_lazy("password"),
    "totp": gettext_lazy("authenticator app"),
    "webauthn": gettext_lazy("passkey"),
    "recovery_codes": gettext_lazy("recovery code"),
    "code": gettext_lazy("code by email"),
}
_NAMES = {
    **PARAMETERS,
    "label": gettext_lazy("Label"),
    "fingerprint": gettext_lazy("Fingerprint"),
    "type": gettext_lazy("Type"),
    "handle": gettext_lazy("Handle"),
    "login": gettext_lazy("Login"),
    "color": gettext_lazy("Colour"),
    "query": gettext_lazy("Filter"),
    "bulk_at_once": gettext_lazy("Running in parallel"),
    "trouble": gettext_lazy("Problem"),
    "role": gettext_lazy("Role"),
    "accounts": gettext_lazy("Accounts"),
    "expires_at": gettext_lazy("Ends"),
    "until": gettext_lazy("Ends"),
    "link_until": gettext_lazy("Link expires"),
    "money": gettext_lazy("Money"),
    "tags": gettext_lazy("Tags"),
    "of": gettext_lazy("Belongs to"),
    "permissions": gettext_lazy("Permissions"),
    "networks": gettext_lazy("Networks"),
    "two_factor_since": gettext_lazy("Two-factor authentication required since"),
    "grace_days": gettext_lazy("Days to set up two-factor authentication"),
    "second_owner": gettext_lazy("Raising a limit needs another owner"),
    "session_hours": gettext_lazy("Session length in hours"),
    "quiet_from": gettext_lazy("Quiet hours from"),
    "quiet_until": gettext_lazy("Quiet hours to"),
    "quiet_zone": gettext_lazy("Time zone"),
    "quiet_days": gettext_lazy("Days"),
}
# Values that hold a time, stored as ISO 8601.
_MOMENTS = {"expires_at", "until", "link_until", "two_factor_since", "date_end"}
_CHOICES: Mapping[str, Mapping[Any, Any]] = {
    "of": {"team": gettext_lazy("the team"), "person": gettext_lazy("the person who created it")},
    "permissions": {Permission.VIEW.value: gettext_lazy("Read")}
    | {permission.value: title for permission, (title, _text) in TOKEN_PERMISSIONS.items()},
    "quiet_days": dict(DAYS),
    "role": dict(Role.choices),
    "color": dict(Color.choices),
    "trouble": dict(Account.Trouble.choices),
    "product_name": dict(Product.Name.choices),
}
# The states of what an action is about. Elsewhere a field called "state" is shown as it is stored.
_STATES: Mapping[str, Mapping[Any, Any]] = {
    "operation": dict(State.choices),
    "plan": dict(Plan.State.choices),
    "bulk": dict(Bulk.State.choices),
}


def action_words(entry: AuditEntry) -> str:
    """What was done, without the object. An action without words here is shown as it is stored."""
    group, _dot, method = entry.action.partition(".")
    if entry.action == "operation.ended" and (method := str(entry.detail.get("method", ""))):
        return _("Finished %(what)s") % {"what": kind_noun(method)}
    if words := ACTIONS.get(entry.action):
        return str(words)
    if method in catalogue.KINDS and group == "bulk":
        return _("Requested bulk %(what)s") % {"what": kind_noun(method)}
    if method in catalogue.KINDS:
        return _("Requested %(what)s") % {"what": kind_noun(method)}
    return entry.action


def more_words(entry: AuditEntry) -> Iterator[str]:
    """Further details, besides the values that changed."""
    detail = entry.detail
    if reason := _reason_words(entry.action, str(detail.get("reason", ""))):
        yield reason
    if ways := detail.get("ways"):
        yield _("With: %(ways)s") % {"ways": ", ".join(str(_FACTORS.get(way, way)) for way in ways)}
    if factor := detail.get("factor"):
        yield str(_FACTORS.get(factor, factor)).capitalize()
    for name in ("attempts", "times"):
        if isinstance(count := detail.get(name), int) and count > 1:
            times = ngettext("%(count)d time in ten minutes", "%(count)d times in ten minutes", count)
            yield times % {"count": count}
    if (exported := detail.get("list")) in LISTS:
        yield str(LISTS[exported])
    if entry.action == "console.closed":
        yield from closing_words(str(detail.get("reason", "")), detail.get("seconds"))
    if detail.get("password"):
        yield _("With a new password")
    if comment := detail.get("comment"):
        yield f"“{comment}”"
    for name, sign in (("on", "+"), ("off", "−")):
        if entry.action == "tags.put" and (tags := detail.get(name)):
            yield f"{sign} {', '.join(tags)}"


def _reason_words(action: str, reason: str) -> str:
    """Why somebody was denied access, or why Sharedeck stopped what they had requested."""
    if action in _STOPS:
        return str(dict(Bulk.Problem.choices).get(reason, ""))
    if action != "page.refused":
        return ""
    if reason in {permission.value for permission in Permission}:
        return _("Requires permission to %(what)s.") % {"what": PERMISSION_WORDS[Permission(reason)]}
    return str(_REASONS.get(reason, ""))


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
    # By field alone: a login, a name or a tag may well read like a role or a state.
    group, _dot, _rest = entry.action.partition(".")
    choices = {**_CHOICES, "state": _STATES[group]} if group in _STATES else _CHOICES
    found = [
        (name, *(_said(name, pairs[name], choices) if name in pairs else "" for pairs in (before, after)))
        for name in names
    ]
    labels = _CHOICES["role"] if entry.action.startswith("team.ceilings") else {}
    return [(str(labels.get(name) or _name(name)), old, new) for name, old, new in found if old != new]


def _as_pairs(value: Any) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    return {} if value in (None, "", []) else {"": value}


def _name(name: str) -> str:
    return str(_NAMES.get(name, name.replace("_", " ")))


def _said(name: str, value: Any, choices: Mapping[str, Mapping[Any, Any]]) -> str:
    if name == "accounts" and value is None:
        return _("all")
    if name in choices and value not in (None, ""):
        values = value if isinstance(value, list) else [value]
        return ", ".join(str(choices[name].get(each, each) if isinstance(each, str | int) else each) for each in values)
    if value in (None, "", [], {}) or (name == "user_data_bytes" and not value):
        return _("none") if name == "accounts" else ""
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, Mapping) and name != "ssh_keys":
        said = [(_name(key), _said(key, each, choices)) for key, each in value.items()]
        return ", ".join(_("%(label)s: %(value)s") % {"label": label, "value": words} for label, words in said if words)
    if isinstance(value, list):
        return ", ".join(_said(name, each, choices) for each in value)
    if name in {"quiet_from", "quiet_until"}:
        return str(value)[:5]
    if name in _MOMENTS and isinstance(value, str) and (moment := _moment(value)):
        return moment
    return parameter_value(value, name)


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
