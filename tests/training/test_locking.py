import errno
import os
import re
import signal
import socket

import pytest
from harness.locked import holding

from textzoo.errors import UserError
from textzoo.training import locking
from textzoo.training.locking import only_trainer


@pytest.fixture
def holder(tmp_path):
    with holding(tmp_path) as process:
        yield process


def test_a_folder_that_another_process_holds_is_refused_and_it_is_named(tmp_path, holder):
    with pytest.raises(UserError) as refusal, only_trainer(tmp_path):
        pass
    since = r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d"
    who = rf"process {holder.pid} on {re.escape(socket.gethostname())} since {since}"
    assert re.search(
        rf"runner\.model_save_path: .* is in use by {who}: wait .* -o runner\.model_save_path=PATH",
        str(refusal.value),
    )


def test_the_next_one_may_have_it_when_the_first_has_ended(tmp_path, holder):
    holder.communicate()
    with only_trainer(tmp_path):
        assert f"process {os.getpid()} " in (tmp_path / ".lock").read_text(encoding="utf-8")


def test_a_killed_process_holds_nothing(tmp_path, holder):
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    with only_trainer(tmp_path):
        pass


def test_one_process_may_hold_a_folder_again_and_again(tmp_path):
    for _ in range(2):
        with only_trainer(tmp_path):
            pass
    assert len((tmp_path / ".lock").read_text(encoding="utf-8").splitlines()) == 1


def test_a_forked_process_that_outlives_the_holder_does_not_hold(tmp_path):
    """As one that encodes texts may, when its parent is killed."""
    read, write = os.pipe()
    with only_trainer(tmp_path):
        child = os.fork()
        if not child:
            os.close(write)
            os.read(read, 1)  # until the parent closes the pipe
            os._exit(0)
    with holding(tmp_path):
        os.close(write)
        os.waitpid(child, 0)


def test_a_disk_without_locks_is_named_in_the_log(tmp_path, monkeypatch, caplog):
    def fail(file):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(locking, "_lock", fail)
    with only_trainer(tmp_path):
        pass
    assert f"{tmp_path} cannot be locked (No locks available): start no other" in caplog.text
