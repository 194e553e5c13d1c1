"""Saved views of lists."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from hosting.annotations import saved_views, tags
from hosting.annotations.models import SavedView
from hosting.operations.models.rejection import Rejected
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.forms.annotations import SaveViewForm
from hosting.web.lists import state as list_state
from hosting.web.pages import submitting
from hosting.web.pages.render import account_form, back
from hosting.web.pages.render import account_page as render_page
from hosting.web.wording.isolation import flash


@require_safe
@account_page
def index(request: AccountRequest, section: str) -> HttpResponse:
    """The saved views of a list."""
    _check(section)
    views = saved_views.of_list(section, by=request.member)
    known = tags.of_team(request.account.team_id)
    rows = [
        {
            "view": view,
            "words": list_state.in_words(section, view.query, known),
            "may_delete": saved_views.may_delete(view, by=request.member),
        }
        for view in views
    ]
    return render_page(request, "views", {"rows": rows, "list": section}, section=section)


@require_http_methods(["GET", "HEAD", "POST"])
@account_page
def save(request: AccountRequest, section: str) -> HttpResponse:
    """Save the filters and order in the address under a name, without parameters that the list does not know."""
    _check(section)
    query = list_state.query_of(section, request.GET)
    here = reverse(section, args=[request.account.pk])
    form = SaveViewForm(request.POST or None)
    if form.is_valid():
        data = form.cleaned_data
        try:
            view = saved_views.save(section, data["name"], query, shared=data["shared"], by=request.member)
        except Rejected as rejection:
            submitting.show_rejection(request, rejection, form)
        else:
            messages.success(request, flash(_("View “%(name)s” saved."), name=view.name))
            response = redirect(f"{here}?{query}")
            response.status_code = 303
            return response
    context = {
        "form": form,
        "title": _("Save this view"),
        "facts": "hosting/_view_facts.html",
        "words": list_state.in_words(section, query, tags.of_team(request.account.team_id)),
        "submit": _("Save"),
        "icon": "bookmark",
        "cancel": f"{here}?{query}" if query else here,
    }
    return account_form(request, "form", context, section=section, bad=form.is_bound)


@require_POST
@account_page
def delete(request: AccountRequest, view_id: int) -> HttpResponse:
    view: SavedView = get_object_or_404(SavedView.objects.visible_to(request.member), pk=view_id)
    saved_views.delete(view, by=request.member)
    messages.success(request, flash(_("View “%(name)s” deleted."), name=view.name))
    return back(request, reverse("views", args=[request.account.pk, view.section]))


def _check(section: str) -> None:
    if section not in saved_views.PARAMETERS:
        raise Http404
