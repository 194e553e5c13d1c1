"""The admin site of the provider's staff: customers, prices, hosts, and a read-only view of everything else.

The API's state changes by operations. Staff may only change what no operation changes.
"""

from django.contrib import admin

from hosting.provider.admin import accounts, hosts, machines

__all__ = ["accounts", "hosts", "machines"]

admin.site.site_header = admin.site.site_title = "Hosting provider"
admin.site.site_url = None
