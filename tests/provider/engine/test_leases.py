"""Workers share operations by leases: each is carried out once, whoever dies or stands still meanwhile."""

import signal
import time

from tests.provider.engine.conftest import Watched

FLEET = "from hosting.provider.seed import seed_fleet; seed_fleet('AA1234-GANDI', 20, 0)"


def test_two_workers_carry_each_of_twenty_operations_out_once(watched: Watched) -> None:
    watched.provider.shell(FLEET)
    fleet = watched.member.vm_list()[-20:]
    second = watched.second_worker()
    try:
        time.sleep(5)  # its log says nothing before there is something to do
        with watched.script(vm_reboot=["slow", 0.3]):
            reboots = [watched.member.vm_reboot(vm_id) for vm_id in fleet]
            for operation in reboots:
                watched.member.done(operation)
    finally:
        second.kill()
    assert [watched.events(operation) for operation in reboots] == [["called", "changed"]] * 20
    workers = {
        line.split(",")[3]
        for line in (watched.provider.directory / "calls").read_text().splitlines()
        if line.split(",")[0] in {str(operation) for operation in reboots}
    }
    assert len(workers) == 2


def test_call_that_blocks_longer_than_a_lease_keeps_it(watched: Watched) -> None:
    second = watched.second_worker()
    try:
        with watched.script(vm_reboot=["slow", 13]):
            reboot = watched.member.vm_reboot(456)
            watched.member.wait(reboot, 30)
    finally:
        second.kill()
    assert watched.events(reboot) == ["called", "changed"]


def test_worker_that_stood_still_is_fenced_off_before_it_changes_anything(watched: Watched) -> None:
    frozen = watched.provider.worker
    with watched.script(vm_reboot=["slow", 2]):
        reboot = watched.member.vm_reboot(456)
        watched.until(lambda: watched.events(reboot) == ["called"])
        frozen.popen.send_signal(signal.SIGSTOP)
        second = watched.second_worker()
        try:
            assert watched.member.wait(reboot, 40)["state"] == "DONE"
            frozen.popen.send_signal(signal.SIGCONT)
            watched.until(lambda: "lease is lost" in watched.log())
        finally:
            second.kill()
            frozen.popen.send_signal(signal.SIGCONT)
    assert watched.events(reboot) == ["called", "called", "changed"]


def test_killed_worker_is_replaced_when_its_lease_has_run_out(watched: Watched) -> None:
    with watched.script(vm_reboot=["slow", 2]):
        reboot = watched.member.vm_reboot(456)
        watched.until(lambda: watched.events(reboot) == ["called"])
        watched.provider.worker.restart()
        assert watched.member.wait(reboot, 30)["state"] == "DONE"
    assert watched.events(reboot) == ["called", "called", "changed"]
