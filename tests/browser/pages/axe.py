"""Accessibility rules (axe-core) and the width of a page, checked in the page that is open."""

from typing import Any

from playwright.sync_api import Page

from tests.browser.steps import DESKTOP, PHONE
from tests.processes import ROOT

SOURCE = ROOT / "node_modules" / "axe-core" / "axe.min.js"
TAGS = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
# What looks different in another theme; all the rest was checked already.
OF_THEME = ["color-contrast"]
_RUN = """
async ({within, tags, rules}) => {
  const runOnly = rules.length ? {type: 'rule', values: rules} : {type: 'tag', values: tags};
  const found = await axe.run(within, {runOnly, resultTypes: ['violations'], elementRef: false});
  return found.violations.flatMap(({id, nodes}) => nodes.map((node) =>
    `${id}: ${node.target.join(' ')} (${node.failureSummary.split('\\n').slice(1).join(';').trim()})`));
}
"""
# An element that sticks out is named, unless it scrolls within another one.
STICKS_OUT = """
() => {
  const width = document.documentElement.clientWidth;
  if (document.documentElement.scrollWidth <= width) return [];
  return [...document.querySelectorAll('body *')]
    .filter((element) => element.getBoundingClientRect().right > width + 1)
    .slice(0, 5).map((element) => `wider than the page: ${element.tagName.toLowerCase()}.${element.className}`);
}
"""


def source() -> str:
    """axe itself, for `add_init_script`: what DevTools adds is not subject to the page's content security policy."""
    return SOURCE.read_text(encoding="utf-8")


def complaints(page: Page, within: str = "html") -> list[str]:
    """Violations on the page: every rule at both widths in the light theme, and contrast in the dark theme."""
    found: list[str] = []
    for name, size in (("desktop", DESKTOP), ("phone", PHONE)):
        page.set_viewport_size(size)
        _choose(page, "light")
        found += [f"{name}: {line}" for line in _check(page, within, [])]
        found += [f"{name}: {line}" for line in page.evaluate(STICKS_OUT)]
        _choose(page, "dark")
        found += [f"{name}, dark: {line}" for line in _check(page, within, OF_THEME)]
    return found


def _choose(page: Page, theme: str) -> None:
    page.evaluate("theme => { document.documentElement.dataset.bsTheme = theme }", theme)


def _check(page: Page, within: str, rules: list[str]) -> list[str]:
    found: Any = page.evaluate(_RUN, {"within": within, "tags": TAGS, "rules": rules})
    return list(found)
