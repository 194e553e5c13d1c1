"""What a form holds that is larger than the panel takes (413): Django refuses it before it is read."""

from urllib.parse import parse_qsl

from django.core.exceptions import RequestDataTooBig
from django.http import HttpRequest, RawPostDataException, UnreadablePostError

# Of a larger form only the beginning is read: it costs memory, and a text of this size was not typed.
_READ_BYTES = 4_000_000
_MOST_FIELDS = 2_000


def size_of(request: HttpRequest) -> int:
    """The size of the request in bytes; 0 when it does not say."""
    try:
        return max(0, int(request.META.get("CONTENT_LENGTH") or 0))
    except ValueError:
        return 0


def fields_of(request: HttpRequest) -> list[tuple[str, str]]:
    """The fields of a form that was too large, as far as they can be read: field by field, the last one may be cut."""
    if request.content_type != "application/x-www-form-urlencoded":
        return []
    try:
        # What Django has read, because only the number of fields was too large.
        body = request.body
    except RequestDataTooBig:
        try:
            body = request.META["wsgi.input"].read(min(size_of(request), _READ_BYTES))
        except OSError:
            return []
    except (RawPostDataException, UnreadablePostError):
        return []
    pairs = body[:_READ_BYTES].split(b"&", _MOST_FIELDS)[:_MOST_FIELDS]
    # Of a value that was cut in the middle of a character, the rest is left out.
    texts = (part.decode("ascii", "ignore") for part in pairs)
    return [pair for text in texts for pair in parse_qsl(text, keep_blank_values=True, errors="ignore")]
