"""The page Credentials of an account: their state and test, the session at the provider, and further handles."""

import redis
from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.accounts import connect, credential_rotation, session_store
from hosting.accounts.models import Candidate
from hosting.teams.roles import Permission
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.audit import lines
from hosting.web.forms.accounts import HandleForm
from hosting.web.pages.render import account_form, back
from hosting.web.pages.render import account_page as render_page
from hosting.web.wording import logins


@require_safe
@account_page
def login(request: AccountRequest) -> HttpResponse:
    """Whether the credentials work, what is being tested, and whether there is a session."""
    account = request.account
    candidate = Candidate.objects.filter(account=account).select_related("requested_by").first()
    correction = logins.correction(candidate)
    context = {
        "candidate": candidate,
        "problem": correction.problem if correction else None,
        "session": session_store.state_of(account),
        "handles": credential_rotation.visible_siblings(account, by=request.member)
        .select_related("endpoint", "candidate")
        .order_by("label", "id"),
        "moving": candidate is not None and candidate.is_open,
        "audit_lines": lines.of_object(request, thing="login"),
    }
    return render_page(request, "login", context)


@require_POST
@account_page
def reconnect(request: AccountRequest) -> HttpResponse:
    """Reconnect: drop the session and open another."""
    account = request.account
    try:
        connect.sign_in_again(account, by=request.member)
    except redis.RedisError:
        messages.error(request, _("The panel's session store isn't responding. Nothing was changed. Try again soon."))
    else:
        if account.endpoint.away_since:
            messages.warning(request, _("The provider isn't responding. Sharedeck will reconnect as soon as it does."))
        else:
            messages.info(request, _("Reconnecting."))
    return back(request, reverse("login", args=[account.pk]))


@require_POST
@account_page
def dismiss(request: AccountRequest) -> HttpResponse:
    """Dismiss the result of the last test."""
    connect.dismiss(request.account, by=request.member)
    return back(request, reverse("login", args=[request.account.pk]))


@require_http_methods(["GET", "HEAD", "POST"])
@account_page
@reauthenticated
def new_handle(request: AccountRequest) -> HttpResponse:
    request.member.require_for_all(Permission.MANAGE_ACCOUNTS)
    account = request.account
    form = HandleForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            made = connect.add_handle(account, by=request.member, label=data["label"], handle=data["handle"])
        except IntegrityError:
            form.add_error("handle", _("Your team already has an account with this login and handle."))
        except connect.CredentialsNotAcceptedError:
            form.add_error(None, _("These credentials don't work. Fix them first, then add handles."))
        else:
            messages.success(request, tested_words(made.endpoint.away_since is not None))
            response = redirect("login", made.pk)
            response.status_code = 303
            return response
    context = {
        "form": form,
        "facts": "hosting/_account_facts.html",
        "title": _("Add another handle"),
        "lead": _("Sharedeck uses the stored password. Your team will see the new account next to this one."),
        "submit": _("Add"),
        "icon": "plus",
        "cancel": reverse("login", args=[account.pk]),
    }
    return account_form(request, "form", context, section="login", bad=form.is_bound)


def tested_words(away: bool) -> str:
    """The message after credentials were saved."""
    if away:
        return _("Saved. The provider isn't responding. The credentials will be tested as soon as it does.")
    return _("Saved. Testing the credentials.")
