"""Names of browsers and systems, from the `User-Agent` header."""

from dataclasses import dataclass

from django.utils.translation import gettext as _

# In this order: each of these also names those below it in its header.
_BROWSERS = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)


@dataclass(frozen=True)
class Browser:
    name: str
    system: str
    is_phone: bool

    def __str__(self) -> str:
        if not self.system:
            return self.name
        return _("%(browser)s on %(system)s") % {"browser": self.name, "system": self.system}


def browser_of(user_agent: str) -> Browser:
    """The browser, as far as its `User-Agent` says."""
    name = next((name for mark, name in _BROWSERS if mark in user_agent), _("Unknown browser"))
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    return Browser(name, system, system in {"iPhone", "Android"})
