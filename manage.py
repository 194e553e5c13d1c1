#!/usr/bin/env python
"""Django's command line. `--settings hosting.provider.settings` manages the bundled provider instead."""

import os
import sys

from django.core.management import execute_from_command_line

from safekeeping.settings_values import in_one_sentence

if __name__ == "__main__":
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "panel.settings")
    with in_one_sentence():
        execute_from_command_line(sys.argv)
