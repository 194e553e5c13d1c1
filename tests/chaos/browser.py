"""A member at their browser: signs in, opens pages, fills in forms and presses buttons. One thread at a time."""

import http.client
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar

TIMEOUT_S = 15


class NoPageError(Exception):
    """No page came: the panel is away, or said that it had a fault of its own."""


@dataclass
class Page:
    """What came, and where redirects have led."""

    url: str
    status: int
    text: str


@dataclass
class Form:
    """The main form of a page with what its fields hold, and its buttons elsewhere by the address they post to."""

    fields: dict[str, str] = field(default_factory=dict)
    token: str = ""
    buttons: dict[str, str] = field(default_factory=dict)


class Browser:
    """A session of its own, with cookies."""

    def __init__(self, url: str) -> None:
        self.url = url
        # The panel is on this machine: no proxy.
        self._opener = urllib.request.build_opener(
            urllib.request.ProxyHandler({}), urllib.request.HTTPCookieProcessor(CookieJar())
        )

    def sign_in(self, email: str, password: str) -> None:
        """Sign in by the form.

        Raises:
            NoPageError: it did not work.
        """
        page = self.open("/auth/login/")
        form = read_form(page.text)
        answer = self.send(page.url, {**form.fields, "login": email, "password": password})
        if answer.status != 200 or "/auth/login/" in answer.url:
            raise NoPageError(f"sign-in: {answer.status} at {answer.url}")

    def open(self, path: str) -> Page:
        """A page.

        Raises:
            NoPageError: none came.
        """
        page = self._fetch(urllib.request.Request(urllib.parse.urljoin(self.url, path)))
        if page.status != 200:
            raise NoPageError(f"{path}: {page.status}")
        return page

    def send(self, path: str, fields: Mapping[str, str]) -> Page:
        """What a form that is sent is answered with, after its redirect.

        Raises:
            NoPageError: nothing came, or a 500: it may have worked or not.
        """
        data = urllib.parse.urlencode(fields).encode()
        return self._fetch(urllib.request.Request(urllib.parse.urljoin(self.url, path), data))

    def _fetch(self, request: urllib.request.Request) -> Page:
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return Page(answer.url, answer.status, answer.read().decode())
        except urllib.error.HTTPError as error:
            with error:
                if error.code >= 500:
                    raise NoPageError(f"{request.selector}: {error.code}") from None
                return Page(error.url or "", error.code, error.read().decode())
        except (OSError, http.client.HTTPException) as error:
            raise NoPageError(f"{request.selector}: {type(error).__name__}") from None


def read_form(text: str) -> Form:
    """The forms and buttons of a page, as a browser would send them."""
    reader = _FormReader()
    reader.feed(text)
    return reader.found


def new_nonce() -> str:
    """That of a form on a page that was opened earlier."""
    return str(uuid.uuid4())


class _FormReader(HTMLParser):
    """Collects the fields of the page's forms. A page has one that matters; the language's has other names."""

    def __init__(self) -> None:
        super().__init__()
        self.found = Form()
        self._select = ""

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attributes}
        name, value = given.get("name", ""), given.get("value", "")
        if tag == "input" and name == "csrfmiddlewaretoken":
            self.found.token = value
            self.found.fields[name] = value
        elif tag == "input" and name and given.get("type") not in {"checkbox", "submit"}:
            self.found.fields[name] = value
        elif tag == "button" and "formaction" in given:
            self.found.buttons[given["formaction"]] = value
        elif tag == "select" and name:
            self._select = name
            self.found.fields[name] = ""
        elif tag == "option" and self._select and "selected" in given:
            self.found.fields[self._select] = value

    def handle_endtag(self, tag: str) -> None:
        if tag == "select":
            self._select = ""
