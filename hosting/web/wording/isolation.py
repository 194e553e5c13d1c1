"""Isolate texts from outside: names of people and of the provider's objects, and the provider's messages.

A name may be written from right to left, or hold characters that turn the direction around. In an element of its own
it can't change the order of the words beside it.
"""

from collections.abc import Iterable

from django.utils.html import conditional_escape, format_html, format_html_join
from django.utils.safestring import SafeString, mark_safe
from django.utils.text import get_text_list
from django.utils.translation import gettext as _

from hosting.teams.rejection import Rejected
from hosting.web.wording.registry import register


@register.filter
def bdi(text: object) -> SafeString:
    """A text from outside, isolated; empty for no text."""
    return SafeString("") if text is None or text == "" else format_html("<bdi>{}</bdi>", text)


@register.filter
def names(texts: Iterable[object]) -> SafeString:
    """Names as a list, each isolated: "Ada, Ben"."""
    return format_html_join(", ", "{}", ((bdi(text),) for text in texts))


@register.filter
def either(people: Iterable[object]) -> SafeString:
    """Alternative names, each isolated: "Ada, Ben or Cleo"."""
    words = get_text_list([bdi(person) for person in people], conditional_escape(_("or")))
    return mark_safe(words)  # noqa: S308 - every part is escaped


class Sentence(str):
    """Words of the panel with names from outside: a plain text, in which each name is isolated when it becomes HTML."""

    __slots__ = ("_html",)
    _html: SafeString

    def __html__(self) -> SafeString:
        return self._html


def naming(words: str, **names: object) -> Sentence:
    """A sentence with placeholders such as `%(name)s`, filled in with texts from outside. Lists of names (`either`) are
    isolated already, and numbers need not be.
    """
    sentence = Sentence(words % names)
    parts = {name: text if isinstance(text, SafeString | int) else bdi(text) for name, text in names.items()}
    sentence._html = mark_safe(str(conditional_escape(words)) % parts)  # noqa: S308 - every part is escaped
    return sentence


def flash(words: str, **names: object) -> SafeString:
    """As `naming`, for a message that is kept as text until a page shows it: of the next page, or beside a field."""
    return naming(words, **names).__html__()


@register.filter
def rejection_words(rejection: Rejected) -> str:
    """Why something was rejected, with the names in it isolated; without any it is plain text."""
    if not rejection.names:
        return str(rejection.message)
    parts = {key: names(name) if isinstance(name, list) else name for key, name in rejection.names.items()}
    return flash(str(rejection.words), **parts)


@register.filter
def isolated(text: object) -> SafeString:
    """A message: with its names isolated already, or else isolated as a whole."""
    return conditional_escape(text) if isinstance(text, Sentence | SafeString) else bdi(text)


@register.filter
def plain_text(text: object) -> str:
    """A sentence where no elements can stand, such as the title of a page."""
    return str(text)
