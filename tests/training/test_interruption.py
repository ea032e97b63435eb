import os
import signal

import pytest

from textzoo.training.interruption import (
    Interruption,
    Stopped,
    raising_signals,
    remember_early_interrupts,
    signals_left_alone,
)


@pytest.fixture(autouse=True)
def handlers_as_before():
    before = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_early_interrupt_that_was_dropped_stops_the_training_that_follows(number):
    remember_early_interrupts()
    with pytest.raises(KeyboardInterrupt):
        os.kill(os.getpid(), number)
    with Interruption() as first, Interruption() as second:
        assert first.signal_number == number
        assert second.signal_number is None


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_is_raised_and_handlers_are_as_they_were_after_it(number):
    before = signal.signal(number, lambda number, frame: None)
    mine = signal.getsignal(number)
    with pytest.raises(Stopped) as stopped, raising_signals():
        os.kill(os.getpid(), number)
    assert stopped.value.exit_status == 128 + number
    assert signal.getsignal(number) is mine
    signal.signal(number, signal.SIG_IGN)
    with raising_signals():
        os.kill(os.getpid(), number)
    signal.signal(number, before)


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


def test_signals_that_are_left_alone_keep_their_handlers():
    mine = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    with signals_left_alone():
        remember_early_interrupts()
        with Interruption() as interruption:
            assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == mine
        assert interruption.signal_number is None
    with Interruption():
        assert signal.getsignal(signal.SIGINT) is not mine[0]
