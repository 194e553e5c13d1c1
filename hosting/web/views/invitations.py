"""Invitations to a team: send, resend, revoke and accept."""

from allauth.account.internal.flows.login import record_authentication
from allauth.account.utils import perform_login
from django.contrib import messages
from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from hosting.accounts.models import Account
from hosting.teams.models import User
from hosting.teams.people import acceptance, invitations, links
from hosting.teams.people.acceptance import KnownAddressError, OtherAddressError
from hosting.teams.people.links import Closed, ClosedError, Link
from hosting.teams.people.models import Invitation
from hosting.teams.rejection import Refusal, Rejected
from hosting.teams.roles import Permission
from hosting.web.access import mail_budget, refusals
from hosting.web.access.origin import origin_of
from hosting.web.access.reauthentication import reauthenticated
from hosting.web.access.scope import TeamRequest, team_page
from hosting.web.forms.people import InviteForm, JoinForm
from hosting.web.pages.render import back
from hosting.web.pages.render import team_page as render_page
from hosting.web.views.people import tell
from hosting.web.wording.isolation import flash

FORMS = ["GET", "HEAD", "POST"]

_JOINED = gettext_lazy("You've joined the team %(name)s. You'll find its accounts under “Accounts” in the menu.")

CLOSED_WORDS = {
    Closed.ACCEPTED: gettext_lazy("This invitation has already been accepted. Sign in to see the team."),
    Closed.REVOKED: gettext_lazy("This invitation was revoked. Ask the sender for a new one."),
    Closed.EXPIRED: gettext_lazy("This invitation has expired. Ask the sender to resend it."),
    Closed.REPLACED: gettext_lazy("A newer email replaced this link. Use the link in the latest email."),
}


@require_http_methods(FORMS)
@team_page
@reauthenticated
def invite(request: TeamRequest) -> HttpResponse:
    """Ask somebody to join the team."""
    by = request.member
    by.require_for_all(Permission.MANAGE_PEOPLE)
    form = InviteForm(
        request.POST or None, by=by, accounts=list(Account.objects.visible_to(by).filter(team=by.team_id))
    )
    refusals.record_withheld(request, form)
    to_people = reverse("team", args=[by.team_id])
    if form.is_valid() and (words := mail_budget.refuse(request)):
        form.add_error(None, words)
    if form.is_valid():
        try:
            invitation = invitations.invite(
                form.cleaned_data["email"], form.grant(), by=by, days=form.cleaned_data["days"]
            )
        except Rejected as rejection:
            refusals.record_rejection(request, rejection)
            form.reject(rejection)
        else:
            mail_budget.count(request)
            messages.success(request, flash(_("Invitation sent to %(email)s."), email=invitation.email))
            return back(request, to_people)
    context = {
        "form": form,
        "title": _("Invite a person"),
        "lead": _("You can assign roles with at most your own permissions."),
        "submit": _("Send invitation"),
        "icon": "send",
        "cancel": to_people,
    }
    return render_page(request, "form", context, tab="people", bad=form.is_bound)


@require_POST
@team_page
def resend(request: TeamRequest, invitation_id: int) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    done = flash(_("Invitation resent to %(email)s. Earlier links no longer work."), email=invitation.email)
    if words := mail_budget.refuse(request):
        messages.error(request, words)
    elif tell(request, lambda: invitations.resend(invitation, by=request.member), done):
        mail_budget.count(request)
    return back(request, reverse("team", args=[invitation.team_id]))


@require_POST
@team_page
def revoke(request: TeamRequest, invitation_id: int) -> HttpResponse:
    invitation = _invitation(request, invitation_id)
    done = _("Invitation of %(email)s revoked. Its link no longer works.") % {"email": invitation.email}
    tell(request, lambda: invitations.revoke(invitation, by=request.member), done)
    return back(request, reverse("team", args=[invitation.team_id]))


def _invitation(request: TeamRequest, invitation_id: int) -> Invitation:
    request.member.require_for_all(Permission.MANAGE_PEOPLE)
    found: Invitation = get_object_or_404(Invitation, pk=invitation_id, team=request.member.team_id)
    return found


@sensitive_post_parameters()
@never_cache
@require_http_methods(FORMS)
def accept(request: HttpRequest, token: str) -> HttpResponseBase:
    """The page behind the link of an invitation: join, sign in first, or sign up."""
    link = links.read(token)
    if link is None:
        words = _("This link is incomplete. Copy the whole link from the email, or ask for a new invitation.")
        return _card(request, "closed", 404, words=words)
    if isinstance(request.user, User):
        return _accept_signed_in(request, link, request.user)
    if closed := link.closed():
        return _closed(request, closed)
    if acceptance.person_of(link.invitation):
        to_sign_in = f"{reverse('account_login')}?{urlencode({REDIRECT_FIELD_NAME: request.path})}"
        return _card(request, "known", link=link, to_sign_in=to_sign_in)
    return _accept_as_new(request, link)


def _accept_signed_in(request: HttpRequest, link: Link, person: User) -> HttpResponseBase:
    to_team = reverse("team", args=[link.invitation.team_id])
    if link.closed() == Closed.ACCEPTED and link.invitation.accepted_by_id == person.pk:
        return redirect(to_team)
    if closed := link.closed():
        return _closed(request, closed)
    if not acceptance.is_for(link.invitation, person):
        refusals.record_refusal(request, Refusal.OTHER_ADDRESS)
        return _card(request, "other", 403, link=link)
    if request.method != "POST":
        return _card(request, "join", link=link)
    try:
        member = acceptance.accept(link, person=person, via=origin_of(request))
    except ClosedError as error:
        return _closed(request, error.closed)
    except OtherAddressError:
        return _card(request, "other", 403, link=link)
    messages.success(request, flash(str(_JOINED), name=member.team.name))
    response = redirect(to_team)
    response.status_code = 303
    return response


def _accept_as_new(request: HttpRequest, link: Link) -> HttpResponseBase:
    form = JoinForm(request.POST or None, email=link.invitation.email)
    if not form.is_valid():
        return _card(request, "new", 422 if form.is_bound else 200, link=link, form=form)
    data = form.cleaned_data
    try:
        member = acceptance.accept_as_new(link, name=data["name"], password=data["password"], via=origin_of(request))
    except ClosedError as error:
        return _closed(request, error.closed)
    except KnownAddressError:
        # The address was signed up meanwhile: reload, and let the person sign in.
        return redirect(request.path)
    # They have just chosen a password, which counts as authentication.
    record_authentication(request, member.user, method="password")
    messages.success(request, flash(str(_JOINED), name=member.team.name))
    answer: HttpResponse = perform_login(
        request, member.user, redirect_url=reverse("team", args=[member.team_id]), signup=True
    )
    return answer


def _closed(request: HttpRequest, closed: Closed) -> HttpResponse:
    return _card(request, "closed", 410, words=CLOSED_WORDS[closed])


def _card(
    request: HttpRequest, case: str, status: int = 200, *, link: Link | None = None, **more: object
) -> HttpResponse:
    """The page for a case: "join", "new", "known", "other" or "closed"."""
    context = {"case": case, "invitation": link.invitation if link else None, **more}
    return render(request, "hosting/invitation.html", context, status=status)
