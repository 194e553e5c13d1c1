"""The note of a server or disk."""

from django.http import HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from hosting.annotations import notes
from hosting.operations.models.rejection import Rejected
from hosting.teams.roles import Permission
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.forms.annotations import NoteForm
from hosting.web.pages import submitting
from hosting.web.pages.annotations import ANNOTATED_TYPES
from hosting.web.pages.render import account_form, back
from hosting.web.wording.isolation import naming


@require_http_methods(["GET", "HEAD", "POST"])
@account_page
def edit(request: AccountRequest, section: str, remote_id: int) -> HttpResponse:
    """Edit the note of an object. If somebody else has saved it meanwhile, show their text above and keep the input."""
    request.member.require(Permission.OPERATE)
    thing, account = ANNOTATED_TYPES[section], request.account
    found = thing.get(account, remote_id)
    note = notes.of_object(account, thing.object_type, remote_id)
    seen = {"text": note.text, "version": note.version} if note else {"version": 0}
    form = NoteForm(request.POST or None, initial=seen)
    here = reverse(thing.page, args=[account.pk, remote_id])
    changed = False
    if form.is_valid():
        try:
            notes.write(
                account,
                thing.object_type,
                remote_id,
                form.cleaned_data["text"],
                version=form.cleaned_data["version"],
                name=str(found),
                by=request.member,
            )
        except notes.ChangedMeanwhile as rejection:
            submitting.show_rejection(request, rejection, form)
            changed, note = True, notes.of_object(account, thing.object_type, remote_id)
            form.show_version(note.version if note else 0)
        except Rejected as rejection:
            submitting.show_rejection(request, rejection, form)
        else:
            return back(request, here)
    context = {
        "form": form,
        "title": naming(_("Note on %(name)s"), name=found),
        "facts": "hosting/_note_now.html" if changed else "",
        "note": note,
        "hidden": "version",
        "submit": _("Overwrite with my text") if changed else _("Save"),
        "icon": "notebook-pen",
        "cancel": here,
    }
    return account_form(request, "form", context, section=section, bad=form.is_bound)
