from django import template

# The tags of all modules here, loaded together with `{% load panel %}`.
register = template.Library()
