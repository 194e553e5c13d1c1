"""Where a person goes next: `next`, which forms and links name. It is always a path of this panel.

Everything that follows such a name asks here: forms, the sign-in and all of django-allauth (through its adapter), the
choice of a language, and "Confirm it's you".
"""

import re
from urllib.parse import urlsplit

from django.contrib.auth import REDIRECT_FIELD_NAME
from django.http import HttpRequest

# One slash, as two begin with a host. Browsers take a backslash for a slash, and leave out tabs and line breaks.
_PATH = re.compile(r"/(?!/)[^\\\x00-\x1f\x7f-\x9f]*")
# Django redirects to nothing longer than 2,048 characters, of which `next` in a link is only a part.
_LONGEST = 1_000


def is_path(text: str) -> bool:
    """Whether this is a path of the panel, with or without a query: no host, no scheme, no other port."""
    return len(text) <= _LONGEST and _PATH.fullmatch(text) is not None


def next_page(request: HttpRequest, default: str) -> str:
    """The page that the form of this request names in `next`; `default` when it names none of this panel."""
    asked = request.POST.get(REDIRECT_FIELD_NAME, "")
    return asked if is_path(asked) else default


def shown_page(request: HttpRequest, default: str) -> str:
    """The page that the person is on: the address bar for htmx, otherwise the page with the form."""
    shown = request.headers.get("HX-Current-URL")
    if not shown:
        return next_page(request, default)
    try:
        parts = urlsplit(shown)
    except ValueError:
        return default
    asked = f"{parts.path}?{parts.query}" if parts.query else parts.path
    return asked if is_path(asked) else default
