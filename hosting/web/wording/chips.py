"""Tags as small chips."""

from collections.abc import Mapping, Sequence

from django.template.context import Context
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from hosting.annotations.models import Tag
from hosting.web.wording.isolation import bdi
from hosting.web.wording.registry import register


@register.simple_tag
def chip(tag: Tag) -> SafeString:
    """A tag as a chip. Its colour carries no meaning beyond its name."""
    return format_html('<span class="chip-tag tag-{}">{}</span>', tag.color, bdi(tag.name))


@register.simple_tag(takes_context=True)
def row_tags(context: Context, remote_id: int) -> str:
    """The tags of an object in a list, from the page's `tags_on`."""
    on: Mapping[int, Sequence[Tag]] = context.get("tags_on") or {}
    if not (tags := on.get(remote_id)):
        return ""
    return format_html('<span class="tags">{}</span>', format_html_join(" ", "{}", ((chip(tag),) for tag in tags)))
