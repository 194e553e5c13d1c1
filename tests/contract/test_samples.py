"""The specification's own samples in Python 3 spelling: `xmlrpc.client`, `print()`, another address."""

import xmlrpc.client
from collections.abc import Iterator
from typing import Any

import pytest

from tests.contract.conftest import Member
from tests.processes import Provider, start_provider

LOGIN = """
import sys
import xmlrpc.client
proxy = xmlrpc.client.ServerProxy("https://api.gandi.net/xmlrpc/")
try:
    session = proxy.login("AA1234-GANDI", "mypassword", True)
except xmlrpc.client.Fault as e:
    print("could not login because: " + e.faultString)
    sys.exit(67)
"""
SAMPLES = {
    "account_currency": """
print("prepaid account currency: %s" % proxy.account_currency(session))
""",
    "account_balance": """
print("prepaid account balance: %d" % proxy.account_balance(session))
""",
    "hosting_account_info": """
import pprint

try:
    info = proxy.hosting_account_info(session)
    pprint.pprint(info)
except xmlrpc.client.Fault as e:
    print("could not get information for hosting account: %s" % (e.faultString,))
""",
    "hosting_account_product_add": """
try:
    opid = proxy.hosting_account_product_add(session, 'shares', 4, '1m')
    print("created operation#%s" % (opid,))
except xmlrpc.client.Fault as e:
    print("could not create a hosting_account_product_add operation: %s" % (e.faultString,))
""",
    "hosting_account_product_renew": """
try:
    opid = proxy.hosting_account_product_renew(session, 1234, '1m')
    print("created operation#%s" % (opid,))
except xmlrpc.client.Fault as e:
    print("could not create a hosting_account_product_renew operation: %s" % (e.faultString,))
""",
    "hosting_account_product_remove": """
try:
    opid = proxy.hosting_account_product_remove(session, 1234)
    print("created operation#%s" % (opid,))
except xmlrpc.client.Fault as e:
    print("could not create a hosting_account_product_remove operation: %s" % (e.faultString,))
""",
    "hosting_account_product_update": """
try:
    opid = proxy.hosting_account_product_update(session, 1234, 5)
    print("created operation#%s" % (opid,))
except xmlrpc.client.Fault as e:
    print("could not create a hosting_account_product_update operation: %s" % (e.faultString,))
""",
    "vm_create": """
hostname = 'vmtest1'
password = 'my_password'
os_id = 111
shares = 4
cpu = 1
specs = {'login': 'gandi'}

try:
    vm_id = proxy.vm_create(session, hostname, password, os_id, shares, cpu, specs)
    print("creating VM#%d" % (vm_id,))
except xmlrpc.client.Fault as e:
    print("could not create VM because: %s" % (e.faultString,))
""",
    "vm_info": """
import pprint
vm_id = 456
try:
    vm_info = proxy.vm_info(session, vm_id)
    print("informations for VM#%s" % (vm_id,))
    pprint.pprint(vm_info)
except xmlrpc.client.Fault as e:
    print("could not retrieve informations of VM#%s because: %s" % (vm_id, e.faultString))
""",
    "vm_list": """
import pprint
try:
    vms = proxy.vm_list(session)
    print("VMs:")
    pprint.pprint(vms)
except xmlrpc.client.Fault as e:
    print("could not retrieve the list of VMs because: %s" % (e.faultString,))
""",
    # Its except branch prints `opid`, which does not exist then.
    "vm_update": """
vm_id = 1234
shares = 5

try:
    opid = proxy.vm_update(session, vm_id, {'shares': shares})
    print("updating VM#%d is operation id#%s" % (vm_id, opid))
except xmlrpc.client.Fault as e:
    print("could not update VM#%s because: %s" % (opid, e.faultString,))
""",
    "vm_delete": """
vm_id = 9876
try:
    opid = proxy.vm_delete(session, vm_id)
    print("created operation#%s" % (opid,))
except xmlrpc.client.Fault as e:
    print("could not create a vm_delete operation for VM#%s because: %s" % (vm_id, e.faultString,))
""",
    "vm_start": """
vm_id = 9876
try:
    opid = proxy.vm_start(session, vm_id)
    print("created operation#%s" % (opid,))
except xmlrpc.client.Fault as e:
    print("could not create a vm_start operation for VM#%s because: %s" % (vm_id, e.faultString,))
""",
    "vm_stop": """
vm_id = 9876
try:
    opid = proxy.vm_stop(session, vm_id)
    print("created operation#%s" % (opid,))
except xmlrpc.client.Fault as e:
    print("could not create a vm_stop operation for VM#%s because: %s" % (vm_id, e.faultString,))
""",
    "vm_reboot": """
vm_id = 9876
try:
    opid = proxy.vm_reboot(session, vm_id)
    print("created operation#%s" % (opid,))
except xmlrpc.client.Fault as e:
    print("could not create a vm_reboot operation for VM#%s because: %s" % (vm_id, e.faultString,))
""",
    "disk_create": """
size = 2048
name = 'disk2GB'
fstype = 'ext3'

try:
    disk_id = proxy.disk_create(session, {'size': size, 'name': name, 'fstype': fstype})
    print("creating disk#%d" % (disk_id,))
except xmlrpc.client.Fault as e:
    print("could not create disk because: %s" % (e.faultString,))
""",
    "disk_info": """
import pprint
disk_id = 123
try:
    disk_info = proxy.disk_info(session, disk_id)
    print("informations for disk#%s" % (disk_id,))
    pprint.pprint(disk_info)
except xmlrpc.client.Fault as e:
    print("could not retrieve informations for disk#%s because: %s" % (disk_id, e.faultString))
""",
    "disk_delete": """
disk_id = 1928
try:
    opid = proxy.disk_delete(session, disk_id)
    print("created operation#%s" % (opid,))
except xmlrpc.client.Fault as e:
    print("could not create a disk_delete operation for disk#%s because: %s" % (disk_id, e.faultString,))
""",
}
# An order in which every sample can succeed, or nearly: product 1234 is in use, so it cannot be given back.
ORDER = {
    "account_currency": "prepaid account currency: EUR",
    "account_balance": "prepaid account balance: 950",
    "hosting_account_info": "'handle': 'AA1234-GANDI'",
    "hosting_account_product_add": "created operation#",
    "hosting_account_product_renew": "created operation#",
    "vm_create": "creating VM#",
    "vm_update": "updating VM#1234 is operation id#",
    "vm_info": "informations for VM#456",
    "vm_list": "VMs:\n[456, 1234, 2001, 2002, 9876",
    "vm_start": "created operation#",
    "vm_reboot": "created operation#",
    "vm_stop": "created operation#",
    "vm_delete": "created operation#",
    "disk_create": "creating disk#",
    "disk_info": "informations for disk#123",
    "disk_delete": "created operation#",
    "hosting_account_product_remove": "remove operation: DataError: not enough shares",
    "hosting_account_product_update": "update operation: DataError: not enough shares",
}


@pytest.fixture(scope="module")
def fresh(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Provider]:
    running = start_provider(tmp_path_factory.mktemp("samples"))
    yield running
    running.stop()


def run(source: str, provider: Provider, names: dict[str, Any]) -> None:
    exec(source.replace("https://api.gandi.net/xmlrpc/", provider.url), names)


def test_the_login_sample_opens_a_safe_session(fresh: Provider) -> None:
    names: dict[str, Any] = {}
    run(LOGIN, fresh, names)
    assert isinstance(names["session"], str)
    with pytest.raises(xmlrpc.client.Fault) as refused:
        names["proxy"].vm_start(names["session"], 9876)
    assert refused.value.faultCode == 510250


def test_every_sample_runs(fresh: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    assert set(ORDER) == set(SAMPLES)
    names: dict[str, Any] = {}
    run(LOGIN, fresh, names)
    names["session"] = names["proxy"].su(names["session"], "AA1234-GANDI")
    member = Member(fresh.url, "AA1234-GANDI", "mypassword")
    operations: list[int] = []
    for name, expected in ORDER.items():
        run(SAMPLES[name], fresh, names)
        printed = capsys.readouterr().out
        assert expected in printed, name
        if name == "hosting_account_product_add":
            member.done(names["opid"])
        if "created operation#" in printed:
            operations.append(names["opid"])
    for operation in operations:
        member.done(operation)
    assert 9876 not in member.vm_list()


def test_a_sample_with_a_wrong_id_prints_its_except_branch(fresh: Provider, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    run(LOGIN, fresh, names)
    run(SAMPLES["vm_info"].replace("456", "457"), fresh, names)
    assert capsys.readouterr().out == (
        "could not retrieve informations of VM#457 because: DataError: no such vm [vm_id: 457]\n"
    )
    with pytest.raises(NameError):
        run(SAMPLES["vm_update"].replace("1234", "457"), fresh, names)
