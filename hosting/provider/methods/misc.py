"""What a VM can be created with."""

from typing import Any

from hosting.provider.methods.calls import Call
from hosting.provider.methods.registry import method
from hosting.provider.methods.structs import os_struct
from hosting.provider.models import OsImage


@method("os_list")
def os_list(call: Call) -> list[dict[str, Any]]:
    return [os_struct(image) for image in OsImage.objects.filter(offered=True).order_by("pk")]
