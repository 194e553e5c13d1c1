"""The rules of `PROVIDER_FAULTS`."""

import multiprocessing
from pathlib import Path

import pytest
from django.core.exceptions import ImproperlyConfigured

from hosting.provider.endpoint.scripted_faults import Outcome, Script, parse


def test_the_documented_example() -> None:
    rules = parse("vm_create:drop_before@1;disk_attach:fail@2;*:503%5;vm_info:delay=3;operation_list:garbage")
    assert [(rule.method, rule.action, rule.seconds, rule.nth, rule.percent) for rule in rules] == [
        ("vm_create", "drop_before", 0, 1, None),
        ("disk_attach", "fail", 0, 2, None),
        ("*", "503", 0, None, 5),
        ("vm_info", "delay", 3, None, None),
        ("operation_list", "garbage", 0, None, None),
    ]


@pytest.mark.parametrize(
    "text",
    [
        "vm_info",
        "vm_info:explode",
        "vm_info:delay",
        "vm_info:fail=3",
        "vm_info:fail@0",
        "*:503%101",
        "a b:fail",
    ],
)
def test_a_bad_rule_is_named(text: str) -> None:
    with pytest.raises(ImproperlyConfigured, match="PROVIDER_FAULTS"):
        parse(f"vm_list:fail; {text}")


def test_the_nth_matching_call_only() -> None:
    script = Script("vm_create:drop_before@2")
    actions = [script.for_call(method).action for method in ("vm_create", "vm_info", "vm_create", "vm_create")]
    assert actions == ["", "", "drop_before", ""]


def test_percentages_at_their_ends() -> None:
    assert {Script("*:503%100").for_call("vm_list").action for _ in range(20)} == {"503"}
    assert {Script("*:503%0").for_call("vm_list").action for _ in range(20)} == {""}


def test_delays_add_up_and_the_first_action_wins() -> None:
    script = Script("*:delay=1;vm_list:delay=0.5;vm_list:delay_after=2;*:garbage;vm_list:503")
    assert script.for_call("vm_list") == Outcome("garbage", 1.5, 2.0)


def test_a_file_is_read_again_when_it_changes(tmp_path: Path) -> None:
    file = tmp_path / "faults"
    script = Script(f"@{file}")
    assert script.for_call("vm_list") == Outcome()
    file.write_text("vm_list:503@1  # the first one\n\nvm_info:garbage\n")
    assert [script.for_call("vm_list").action for _ in range(2)] == ["503", ""]
    assert script.for_call("vm_info").action == "garbage"
    file.write_text("vm_list:truncate")
    assert script.for_call("vm_list").action == "truncate"
    file.unlink()
    assert script.for_call("vm_list") == Outcome()
    file.write_text("nonsense")
    with pytest.raises(ImproperlyConfigured):
        script.for_call("vm_list")


def test_processes_forked_from_one_count_calls_together(tmp_path: Path) -> None:
    file = tmp_path / "faults"
    script = Script(f"@{file}")
    context = multiprocessing.get_context("fork")

    def hits() -> int:
        """How many of forty calls, spread over four processes, were hit."""
        found = context.Value("i", 0)

        def work() -> None:
            for _ in range(10):
                if script.for_call("vm_list").action:
                    with found.get_lock():
                        found.value += 1

        processes = [context.Process(target=work) for _ in range(4)]
        for process in processes:
            process.start()
        for process in processes:
            process.join(20)
        return int(found.value)

    file.write_text("vm_list:503@3")
    assert hits() == 1
    file.write_text("vm_list:garbage@40;vm_list:fail@41")
    assert hits() == 1
    assert script.for_call("vm_list").action == "fail"
