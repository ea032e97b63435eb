import os
import signal

import pytest

from textzoo.training.interruption import Interruption, remember_early_interrupts


@pytest.fixture(autouse=True)
def handlers_as_before():
    before = signal.getsignal(signal.SIGINT)
    yield
    signal.signal(signal.SIGINT, before)


def test_an_early_interrupt_that_was_dropped_stops_the_training_that_follows():
    remember_early_interrupts()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), signal.SIGINT)
    with Interruption() as first, Interruption() as second:
        assert first.signal_number == signal.SIGINT
        assert second.signal_number is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_is_noted_and_the_second_does_what_it_did_before(number):
    heard = []
    before = signal.signal(number, lambda number, frame: heard.append(number))
    with Interruption() as interruption:
        assert interruption.signal_number is None
        os.kill(os.getpid(), number)
        assert (interruption.signal_number, heard) == (number, [])
        os.kill(os.getpid(), number)
        assert heard == [number]
    signal.signal(number, before)
