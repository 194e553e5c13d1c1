"""Tags: the team's tags, and the tags of one or many objects."""

from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_safe

from hosting.annotations import tags
from hosting.annotations.models import Tag
from hosting.operations.models.rejection import Rejected
from hosting.teams.roles import Permission
from hosting.web.access.scope import AccountRequest, account_page
from hosting.web.forms.annotations import ManyTagsForm, TagForm, TagsForm
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.bulk_actions import SECTIONS, wanted_ids
from hosting.web.pages import submitting
from hosting.web.pages.annotations import ANNOTATED_TYPES, AnnotatedType
from hosting.web.pages.render import account_form, back
from hosting.web.pages.render import account_page as render_page
from hosting.web.wording.isolation import flash, naming

FORMS = ["GET", "HEAD", "POST"]


@require_safe
@account_page
def index(request: AccountRequest) -> HttpResponse:
    """The team's tags, and how much each is used."""
    return render_page(request, "tags", {"tags": tags.with_uses(request.member)})


@require_http_methods(FORMS)
@account_page
def new(request: AccountRequest) -> HttpResponse:
    request.member.require(Permission.OPERATE)
    color = tags.next_color(tags.of_team(request.account.team_id))
    form = TagForm(request.POST or None, initial={"color": color})
    if form.is_valid():
        try:
            tags.create(form.cleaned_data["name"], form.cleaned_data["color"], by=request.member)
        except Rejected as rejection:
            submitting.show_rejection(request, rejection, form)
        else:
            return back(request, reverse("tags", args=[request.account.pk]))
    return _tag_form(request, form, title=_("New tag"), submit=_("Create tag"))


def _tag(request: AccountRequest, tag_id: int) -> Tag:
    """A tag that the member may change. Tags belong to all accounts of the team."""
    request.member.require_for_all(Permission.OPERATE)
    tag: Tag = get_object_or_404(tags.with_uses(request.member), pk=tag_id)
    return tag


@require_http_methods(FORMS)
@account_page
def edit(request: AccountRequest, tag_id: int) -> HttpResponse:
    tag = _tag(request, tag_id)
    form = TagForm(request.POST or None, initial={"name": tag.name, "color": tag.color})
    if form.is_valid():
        try:
            tags.change(tag, form.cleaned_data["name"], form.cleaned_data["color"], by=request.member)
        except Rejected as rejection:
            submitting.show_rejection(request, rejection, form)
        else:
            return back(request, reverse("tags", args=[request.account.pk]))
    return _tag_form(request, form, title=naming(_("Change tag %(name)s"), name=tag.name), submit=_("Save"))


@require_http_methods(FORMS)
@account_page
def delete(request: AccountRequest, tag_id: int) -> HttpResponse:
    tag = _tag(request, tag_id)
    form = ChangeForm(request.POST or None)
    if request.method == "POST":
        tags.delete(tag, by=request.member)
        messages.success(request, flash(_("Tag “%(name)s” deleted."), name=tag.name))
        return back(request, reverse("tags", args=[request.account.pk]))
    count = tag.count  # type: ignore[attr-defined]
    used = ngettext(
        "The tag will be removed from %d object. This can't be undone.",
        "The tag will be removed from %d objects. This can't be undone.",
        count,
    )
    context = {
        "lead": used % count if count else _("This tag isn't used."),
        "danger": True,
        "icon": "trash-2",
    }
    title = naming(_("Delete tag %(name)s"), name=tag.name)
    return _tag_form(request, form, title=title, submit=_("Delete tag"), **context)


def _tag_form(request: AccountRequest, form: ChangeForm, **words: object) -> HttpResponse:
    context = {"form": form, "icon": "tag", "cancel": reverse("tags", args=[request.account.pk]), **words}
    return account_form(request, "form", context, section="tags", bad=form.is_bound)


@require_http_methods(FORMS)
@account_page
def of_one(request: AccountRequest, section: str, remote_id: int) -> HttpResponse:
    """Tags of one object."""
    request.member.require(Permission.OPERATE)
    thing = ANNOTATED_TYPES[section]
    found = thing.get(request.account, remote_id)
    known = tags.of_team(request.account.team_id)
    on = tags.of_object(request.account, thing.object_type, remote_id)
    form = TagsForm(request.POST or None, tags=known, on=on, color=tags.next_color(known))
    here = reverse(thing.page, args=[request.account.pk, remote_id])
    if form.is_valid() and _put(request, thing, {remote_id: str(found)}, form) is not None:
        return back(request, here)
    context = {
        "form": form,
        "title": naming(_("Tags of %(name)s"), name=found),
        "submit": _("Save"),
        "icon": "tag",
        "cancel": here,
    }
    return account_form(request, "form", context, section=section, bad=form.is_bound)


@require_http_methods(FORMS)
@account_page
def of_many(request: AccountRequest, section: str) -> HttpResponse:
    """Tags of the chosen objects of a list."""
    request.member.require(Permission.OPERATE)
    thing = ANNOTATED_TYPES[section]
    to_list = reverse(section, args=[request.account.pk])
    ids = wanted_ids(request)
    chosen = SECTIONS[section].find(request.account, ids, request.GET)
    if ids and not chosen:
        raise Http404
    if not chosen:
        messages.warning(request, _("Nothing selected. Select at least one."))
        return redirect(to_list)
    objects = {one.remote_id: str(one) for one in chosen}
    known = tags.of_team(request.account.team_id)
    on = tags.on_objects(request.account, thing.object_type, objects, known)
    used = {tag for put in on.values() for tag in put}
    form = ManyTagsForm(
        request.POST or None,
        tags=known,
        used=[tag for tag in known if tag in used],
        color=tags.next_color(known),
        initial={"ids": ",".join(map(str, objects))},
    )
    if form.is_valid() and (count := _put(request, thing, objects, form)) is not None:
        words = ngettext("%d tag change saved.", "%d tag changes saved.", count)
        messages.success(request, words % count)
        return back(request, to_list)
    context = {
        "form": form,
        "title": ngettext("Tags of %d object", "Tags of %d objects", len(objects)) % len(objects),
        "facts": "hosting/_tags_choice.html",
        "names": list(objects.values()),
        "submit": _("Save"),
        "icon": "tag",
        "cancel": to_list,
    }
    return account_form(request, "form", context, section=section, bad=form.is_bound)


def _put(
    request: AccountRequest, thing: AnnotatedType, objects: dict[int, str], form: TagsForm | ManyTagsForm
) -> int | None:
    """Add and remove the tags of the form, and create a new one. None when that was rejected."""
    name = form.new_name()
    try:
        return tags.put(
            request.account,
            thing.object_type,
            objects,
            on=form.put_on(),
            off=form.take_off(),
            new=(name, form.cleaned_data["color"]) if name else None,
            by=request.member,
        )
    except Rejected as rejection:
        submitting.show_rejection(request, rejection, form)
    return None
