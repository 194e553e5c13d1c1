"""The library of template tags and filters that `{% load panel %}` loads."""

from django import template

register = template.Library()
