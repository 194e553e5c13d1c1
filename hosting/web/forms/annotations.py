"""Tags, notes, saved views and the team's settings."""

from collections.abc import Sequence
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _

from hosting.annotations import notes
from hosting.annotations.models import Color, Tag
from hosting.annotations.names import key_of
from hosting.teams import names
from hosting.teams.create_team import LONGEST_NAME
from hosting.teams.models import MOST_AT_ONCE
from hosting.typed_numbers import between
from hosting.web.forms.base import ChangeForm
from hosting.web.forms.bulk import numbers
from hosting.web.forms.names import NameField, TextField
from hosting.web.forms.numbers import WholeField
from hosting.web.wording.chips import chip


def _name(label: Any, **more: Any) -> NameField:
    return NameField(label=label, max_length=40, widget=forms.TextInput(attrs={"autocomplete": "off"}), **more)


class TagForm(ChangeForm):
    name = _name(_("Name"))
    color = forms.ChoiceField(label=_("Colour"), choices=Color.choices)


class _TagsField(forms.TypedMultipleChoiceField):
    """Tags of the team, each with its chip as the label."""

    def __init__(self, tags: Sequence[Tag], **kwargs: Any) -> None:
        choices = [(str(tag.pk), chip(tag)) for tag in tags]
        super().__init__(choices=choices, coerce=int, widget=forms.CheckboxSelectMultiple, required=False, **kwargs)


class _PutTagsForm(ChangeForm):
    """Base of the forms that add tags to objects: a new tag can be created in the same form."""

    def __init__(self, *args: Any, tags: Sequence[Tag], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.tags = {tag.pk: tag for tag in tags}

    def _add_new(self, color: str) -> None:
        self.fields["name"] = _name(
            _("New tag"),
            required=False,
            help_text=_("Leave empty, or enter the name of a new tag."),
        )
        self.fields["color"] = forms.ChoiceField(label=_("Colour"), choices=Color.choices, initial=color)

    def new_name(self) -> str:
        """The name of the tag to create; empty when there is none or the team has it already (then it is chosen)."""
        return "" if self._known() else str(self.cleaned_data["name"])

    def _known(self) -> list[Tag]:
        key = key_of(self.cleaned_data["name"])
        return [tag for tag in self.tags.values() if key and tag.key == key]

    def _chosen(self, field: str) -> list[Tag]:
        return [self.tags[pk] for pk in self.cleaned_data.get(field, ())]


class TagsForm(_PutTagsForm):
    """The tags of one object. Saves only what the person changed, because others may be changing tags too."""

    shown = forms.CharField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, tags: Sequence[Tag], on: Sequence[Tag], color: str, **kwargs: Any) -> None:
        super().__init__(*args, tags=tags, **kwargs)
        if tags:
            self.fields["on"] = _TagsField(tags, label=_("Tags"), initial=[tag.pk for tag in on])
        self.fields["shown"].initial = ",".join(str(tag.pk) for tag in on)
        self._add_new(color)

    def _shown(self) -> set[int]:
        return set(numbers(self.cleaned_data["shown"].split(",")))

    def put_on(self) -> list[Tag]:
        return [tag for tag in self._chosen("on") if tag.pk not in self._shown()] + self._known()

    def take_off(self) -> list[Tag]:
        kept = {tag.pk for tag in self._chosen("on") + self._known()}
        return [self.tags[pk] for pk in self._shown() if pk in self.tags and pk not in kept]


class ManyTagsForm(_PutTagsForm):
    """Tags to add to and remove from all chosen objects; `ids` as they were shown."""

    ids = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, tags: Sequence[Tag], used: Sequence[Tag], color: str, **kwargs: Any) -> None:
        super().__init__(*args, tags=tags, **kwargs)
        if tags:
            self.fields["on"] = _TagsField(tags, label=_("Add tag"))
        if used:
            self.fields["off"] = _TagsField(used, label=_("Remove tag"))
        self._add_new(color)

    def clean(self) -> dict[str, Any]:
        data: dict[str, Any] = super().clean() or self.cleaned_data
        if set(data.get("on", ())) & set(data.get("off", ())):
            raise ValidationError(_("You can't add and remove the same tag. Choose one."))
        if not (data.get("on") or data.get("off") or data.get("name") or self.errors):
            raise ValidationError(_("Choose a tag, or enter the name of a new one."))
        return data

    def put_on(self) -> list[Tag]:
        return self._chosen("on") + self._known()

    def take_off(self) -> list[Tag]:
        return self._chosen("off")


class NoteForm(ChangeForm):
    """The note of an object. `version` is that of the note that the person saw."""

    text = TextField(
        label=_("Note"),
        required=False,
        max_length=notes.LONGEST,
        rows=12,
        help_text=_(
            "Plain text, up to 4,000 characters. Your whole team can read it, so don't "
            "include passwords. Leave empty to remove the note."
        ),
    )
    version = WholeField(min_value=0, max_value=2**31 - 1, widget=forms.HiddenInput())

    def show_version(self, version: int) -> None:
        """Set the version that the person has seen."""
        self.data = {**self.data.dict(), "version": str(version)}  # type: ignore[attr-defined]


class SaveViewForm(ChangeForm):
    name = _name(_("Name"))
    shared = forms.BooleanField(
        label=_("Share with the team"),
        required=False,
        help_text=_("Everyone in the team will see it above this list."),
    )


class TeamForm(ChangeForm):
    name = NameField(
        label=_("Name"),
        max_length=LONGEST_NAME,
        also=names.IN_MAIL,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    bulk_at_once = WholeField(
        label=_("Bulk actions: operations in parallel"),
        validators=[between(1, MOST_AT_ONCE, _("Enter %(least)s to %(most)s operations."))],
        help_text=_("1 to 20. A lower number leaves more capacity for your team's other operations."),
    )
