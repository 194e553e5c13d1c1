"""The library of template tags and filters that `{% load panel %}` loads.

Decision: docs/decisions/0026-words-apart-from-template-tags.md
"""

from django import template

register = template.Library()
