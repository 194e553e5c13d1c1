"""Render a page, or only its live part when htmx asks for that."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils import timezone

from hosting.accounts import pulse, versions
from hosting.operations.checks import quiet_hours
from hosting.operations.models.plan import Plan
from hosting.reading import queries
from hosting.teams.models import Membership
from hosting.teams.roles import Permission
from hosting.web.access.scope import AccountRequest, PersonRequest, TeamRequest
from hosting.web.answers import live
from hosting.web.answers.following import next_page
from hosting.web.pages import counts, finished
from hosting.web.wording import unread
from hosting.web.wording.imports import importing
from safekeeping.sessions import stored_name


def permissions(member: Membership) -> dict[str, bool]:
    """The member's permissions, for templates: `{% if may.operate %}`."""
    return {permission.value: member.may(permission) for permission in Permission}


# Pages that list what has finished, and so need no toasts.
_SHOW_ALL = {"dashboard", "operations"}


def _shown_on(page: str, context: Mapping[str, Any]) -> set[tuple[str, int]] | None:
    """The operation, plan or bulk action of a page, and the operations that it lists; None when it lists all."""
    if page in _SHOW_ALL:
        return None
    about = {(name, context[name].pk) for name in ("operation", "plan", "bulk") if context.get(name)}
    return about | {("operation", operation.pk) for operation in context.get("operations", ())}


def _toasts(
    request: AccountRequest, seen: counts.Counts, page: str, context: Mapping[str, Any]
) -> Sequence[finished.Toast]:
    session = request.session.session_key
    if request.method != "GET" or not session:
        return ()
    return finished.new_toasts(
        seen.finished,
        request.account,
        user_id=request.member.user_id,
        session=stored_name(session),
        seen=_shown_on(page, context),
    )


def _shell(request: AccountRequest, section: str, page: str, context: Mapping[str, Any]) -> dict[str, Any]:
    """The context of the frame around every page of an account."""
    account, now = request.account, timezone.now()
    seen = counts.counts(account, now)
    return {
        "account": account,
        "member": request.member,
        "may": permissions(request.member),
        "info": getattr(account, "info", None),
        "silence": pulse.silence(),
        "section": section,
        "open_count": seen.open,
        "attention_count": seen.attention_of(request.member),
        "approval_count": seen.to_approve(request.member),
        "toasts": _toasts(request, seen, page, context),
        "import": importing(account),
        "now": now,
        "zone": timezone.get_current_timezone_name(),
        "details_at": account.details_at,
        # A change made elsewhere is in the mirror within a second: open pages ask as often.
        "is_followed": account.listening_until is not None and account.listening_until > now,
        "unread": (unread_problem := unread.problem(account, now)),
        # While the provider is away or can't be read, a banner says so instead.
        "syncing": bool(account.sync_requested_at)
        and not (account.trouble or account.endpoint.away_since or unread_problem),
        "here": request.get_full_path(),
        "quiet_hours": quiet_hours.why_blocked_now(request.member.team),
    }


def account_page(
    request: AccountRequest,
    page: str,
    context: Mapping[str, object],
    *,
    section: str = "",
    renew_after: timedelta = live.LONGEST,
) -> HttpResponse:
    """Render `hosting/<page>.html`; for a poll only its live part, `hosting/_<page>.html`.

    `renew_after`: when an open page is rendered again even if nothing has changed.
    """
    account = request.account
    # Restores the copy in Redis, which may have expired.
    versions.publish(account.pk, account.version)
    shell = _shell(request, section or page, page, context)
    live_part = {
        **shell,
        "fragment": f"hosting/_{page}.html",
        **context,
    }
    live_part["live_token"] = live.token(
        request.member.user_id,
        account.pk,
        account.version,
        silence=shell["silence"],
        importing=account.mirrored_at is None,
        import_=shell["import"],
        renew_after=renew_after,
    )
    live_part["silence_shown"] = live.silence_shown(request, account.pk)
    if request.htmx:
        return render(request, "hosting/_live.html", live_part)
    return render(request, f"hosting/{page}.html", {**live_part, "accounts": queries.accounts_of(request.memberships)})


def account_form(
    request: AccountRequest, page: str, context: Mapping[str, object], *, section: str, bad: bool = False
) -> HttpResponse:
    """Render a page with a form. It has no live part, so that the form does not change while somebody fills it in."""
    whole = {
        **_shell(request, section, page, context),
        "accounts": queries.accounts_of(request.memberships),
        "still": True,
        **context,
    }
    return render(request, f"hosting/{page}.html", whole, status=422 if bad else 200)


def person_page(
    request: PersonRequest, page: str, context: Mapping[str, object], *, section: str = "", bad: bool = False
) -> HttpResponse:
    """Render a page outside of accounts."""
    shell = {"accounts": queries.accounts_of(request.memberships), "section": section or page, "now": timezone.now()}
    return render(request, f"hosting/{page}.html", {**shell, **context}, status=422 if bad else 200)


def own_shell(request: PersonRequest, tab: str) -> dict[str, object]:
    """The context of the frame around a page of the profile, under one of its tabs (`components/own_tabs.html`)."""
    return {
        "accounts": queries.accounts_of(request.memberships),
        "section": "me",
        "now": timezone.now(),
        "own_tab": tab,
    }


def own_page(
    request: PersonRequest, page: str, context: Mapping[str, object], *, tab: str, bad: bool = False
) -> HttpResponse:
    """Render a page of the profile."""
    return render(request, f"hosting/{page}.html", {**own_shell(request, tab), **context}, status=422 if bad else 200)


def team_page(
    request: TeamRequest, page: str, context: Mapping[str, object], *, tab: str, bad: bool = False
) -> HttpResponse:
    """Render a page of a team under one of its tabs (`components/team_tabs.html`)."""
    member = request.member
    shell = {
        "team": member.team,
        "member": member,
        "may": {permission.value: member.may_for_all(permission) for permission in Permission},
        # A role limited to some accounts may read their audit log.
        "may_audit": member.may(Permission.READ_AUDIT),
        "team_tab": tab,
    }
    return person_page(request, page, {**shell, **context}, section="team", bad=bad)


def back(request: HttpRequest, default: str) -> HttpResponse:
    """Redirect after a change: to the page that the form names in `next`, else to `default`."""
    response = redirect(next_page(request, default))
    response.status_code = 303
    return response


def to_plan(plan: Plan) -> HttpResponse:
    """Redirect to the page of a plan after a change."""
    response = redirect("plan", plan.account_id, plan.pk)
    response.status_code = 303
    return response
