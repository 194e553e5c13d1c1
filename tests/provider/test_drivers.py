"""The simulated driver: believable, repeatable, resumable."""

import time

from hosting.provider.drivers.base import Work
from hosting.provider.drivers.simulated import DURATIONS, SimulatedDriver


def work(kind: str = "vm_create", operation_id: int = 7, failure: str = "") -> Work:
    return Work(operation_id, kind, {}, scripted_failure=failure)


def test_durations_have_a_jitter_that_is_the_same_every_time() -> None:
    driver = SimulatedDriver(1.0)
    durations = [driver.duration_s(work(operation_id=number)) for number in range(200)]
    assert durations == [SimulatedDriver(1.0).duration_s(work(operation_id=number)) for number in range(200)]
    assert len(set(durations)) > 150
    assert all(0.75 * DURATIONS["vm_create"] <= s <= 1.25 * DURATIONS["vm_create"] for s in durations)


def test_speed_multiplies_and_zero_is_at_once() -> None:
    assert SimulatedDriver(0.5).duration_s(work()) == SimulatedDriver(1.0).duration_s(work()) / 2
    driver = SimulatedDriver(0)
    assert driver.look(work(), driver.begin(work())).state == "done"


def test_another_process_needs_only_the_token() -> None:
    token = SimulatedDriver(1.0).begin(work())
    progress = SimulatedDriver(1.0).look(work(), token)
    assert progress.state == "running"
    assert 60 < progress.eta_s < 120
    assert 0 < progress.look_again_s <= 5
    assert SimulatedDriver(1.0).look(work(), f"{time.time() - 200}").state == "done"


def test_a_scripted_failure_shows_half_way() -> None:
    driver = SimulatedDriver(1.0)
    doomed = work(failure="scripted")
    assert driver.duration_s(doomed) == driver.duration_s(work()) / 2
    progress = driver.look(doomed, f"{time.time() - 60}")
    assert (progress.state, progress.error) == ("failed", "scripted")


def test_a_password_shows_in_no_repr() -> None:
    assert "hunter2" not in repr(Work(1, "vm_create", {}, password="hunter2"))
