"""Work in a process of its own."""

import os
import signal
import sys
import time

import pytest

from textzoo.errors import NotFinite, UserError
from textzoo.tuning.apart import run_apart

ENDINGS = {
    "mistake": lambda: _raise(UserError("no such file")),
    "not finite": lambda: _raise(NotFinite("step 3: the loss is nan")),
    "memory": lambda: _raise(MemoryError("out of memory")),
    "fault": lambda: _raise(KeyError("a fault")),
    "killed": lambda: os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM)),
    "sleep": lambda: time.sleep(60),
    "end": lambda: print("said", file=sys.stderr),
}


def _raise(failure):
    raise failure


def work(tell, values, ending):
    for value in values:
        tell(value)
    ENDINGS[ending]()


def ended(values, ending, judge=lambda value: True, seconds=None):
    told = []

    def judged(value):
        told.append(value)
        return judge(value)

    return run_apart(work, (values, ending), judged, seconds), told


def test_values_are_told_in_turn_and_what_is_printed_is_kept():
    (kind, message, said), told = ended([0.5, 0.25], "end")
    assert (kind, message, said.strip(), told) == ("done", "", "said", [0.5, 0.25])


def test_it_is_stopped_after_the_value_that_is_not_worth_going_on():
    found, told = ended([3, 2, 1], "fault", judge=lambda value: value > 2)
    assert (found.kind, told) == ("stopped", [3, 2])


@pytest.mark.parametrize(
    ("ending", "kind", "message"),
    [
        ("mistake", "mistaken", "no such file"),
        ("not finite", "failed", "step 3: the loss is nan"),
        ("memory", "failed", "out of memory"),
    ],
)
def test_mistakes_and_failures_are_told_apart(ending, kind, message):
    found, _ = ended([1], ending)
    assert (found.kind, found.message) == (kind, message)


@pytest.mark.skipif(sys.platform == "win32", reason="has no signals")
def test_one_that_the_system_kills_has_failed():
    found, told = ended([1], "killed")
    assert (found.kind, told) == ("failed", [1])
    assert found.message == "its process ended with signal 9, for want of memory?"


def test_a_fault_of_the_program_keeps_its_traceback():
    with pytest.raises(RuntimeError, match=r"Traceback[\s\S]*in work[\s\S]*KeyError: 'a fault'"):
        ended([], "fault")


def test_it_ends_when_time_is_up():
    found, told = ended([1], "sleep", seconds=3)
    assert found.kind == "out of time"
    assert told in ([], [1])  # starting takes time, too
