"""Accounts: the list, connecting one, changing its credentials, and Sync now."""

from collections import Counter

from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.accounts import connect as connections
from hosting.accounts import credential_rotation
from hosting.accounts.models import Account
from hosting.inventory import refresh as mirror_refresh
from hosting.reading import attention, invitations, queries
from hosting.teams.roles import NotAllowedError, Permission
from hosting.web.access import refusals
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import AccountRequest, PersonRequest, account_page, signed_in
from hosting.web.forms.accounts import AccountForm, ConnectForm
from hosting.web.pages.render import account_form, back, person_page
from hosting.web.views.logins import tested_words
from hosting.web.wording import logins
from hosting.web.wording.isolation import naming

FORMS = ["GET", "HEAD", "POST"]
_TAKEN = gettext_lazy("Your team already has an account with this login and handle.")


@require_safe
@signed_in
def index(request: PersonRequest) -> HttpResponse:
    """All accounts of all teams of the person, with the state of their credentials."""
    accounts = queries.accounts_of(request.memberships)
    now = timezone.now()
    matters = attention.counts(accounts, now, for_whom=request.memberships)
    invited = invitations.counts(request.memberships, now)
    context = {
        "memberships": request.memberships,
        "matters": matters,
        "invited": invited,
        "all_matters": sum(matters.values()) + sum(invited.values()),
        "sizes": queries.sizes(accounts),
        "standings": _count_standings(accounts),
        "manageable": {
            member.team_id for member in request.memberships if member.may_for_all(Permission.MANAGE_ACCOUNTS)
        },
    }
    return person_page(request, "accounts", context)


def _count_standings(accounts: list[Account]) -> list[tuple[logins.Standing, int]]:
    """The number of accounts in each state of credentials, without zeros."""
    counts = Counter(logins.standing(account).code for account in accounts)
    return [(standing, counts[standing.code]) for standing in logins.ALL if counts[standing.code]]


@require_http_methods(FORMS)
@signed_in
@reauthenticated
def connect(request: PersonRequest) -> HttpResponse:
    managing = [member for member in request.memberships if member.may_for_all(Permission.MANAGE_ACCOUNTS)]
    if not managing:
        raise NotAllowedError(Permission.MANAGE_ACCOUNTS)
    form = ConnectForm(request.POST or None, memberships=managing)
    for member in request.memberships:
        if member not in managing and request.POST.get("team") == str(member.team_id):
            refusals.record_refusal(request, Permission.MANAGE_ACCOUNTS, member=member)
    if form.is_valid():
        data = form.cleaned_data
        try:
            account = connections.connect(
                by=form.member(),
                endpoint=data["endpoint"],
                label=data["label"],
                login=data["login"],
                handle=data["handle"],
                password=data["password"],
            )
        except IntegrityError:
            form.add_error("handle", _TAKEN)
        else:
            messages.success(request, tested_words(account.endpoint.away_since is not None))
            response = redirect("login", account.pk)
            response.status_code = 303
            return response
    context = {
        "form": form,
        "title": _("Connect an account"),
        "lead": _("Sharedeck tests the credentials first, then imports the account."),
        "submit": _("Connect"),
        "icon": "plug",
        "cancel": reverse("accounts"),
        "password_again": form.is_bound,
    }
    return person_page(request, "form", context, section="accounts", bad=form.is_bound)


@require_http_methods(FORMS)
@account_page
@reauthenticated
def edit(request: AccountRequest) -> HttpResponse:
    request.member.require(Permission.MANAGE_ACCOUNTS)
    account = request.account
    form = AccountForm(
        request.POST or None,
        account=account,
        other_handles=credential_rotation.visible_siblings(account, by=request.member).count(),
    )
    if form.is_valid():
        data = form.cleaned_data
        try:
            tested = connections.update(
                account,
                by=request.member,
                label=data["label"],
                login=data.get("login", ""),
                handle=data["handle"],
                password=data["password"],
            )
        except IntegrityError:
            form.add_error("handle", _TAKEN)
        else:
            messages.success(request, tested_words(account.endpoint.away_since is not None) if tested else _("Saved."))
            return back(request, reverse("login", args=[account.pk]))
    sent = form.is_bound
    if not sent and (correction := logins.correction(logins.candidate_of(account))):
        form.show_refusal(correction)
    context = {
        "form": form,
        "facts": "hosting/_account_facts.html",
        "title": naming(_("Settings of %(label)s"), label=account.label),
        "submit": _("Save"),
        "icon": "settings",
        "cancel": reverse("login", args=[account.pk]),
        "password_again": sent,
    }
    return account_form(request, "form", context, section="login", bad=sent)


@require_POST
@account_page
def refresh(request: AccountRequest) -> HttpResponse:
    """Sync now: request a new reading of the whole account."""
    mirror_refresh.request_round(request.account, by=request.member)
    if request.account.endpoint.away_since:
        messages.warning(request, _("The provider isn't responding. Sharedeck keeps retrying automatically."))
    else:
        messages.info(request, _("Syncing with the provider. New data appears here automatically."))
    return back(request, reverse("dashboard", args=[request.account.pk]))
