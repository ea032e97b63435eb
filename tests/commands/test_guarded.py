"""What ends a command, and the status and the message that it ends with."""

import errno
import io
import logging
import os
import signal
import subprocess
import sys

import pytest
from harness.running import ENVIRONMENT, ROOT

from textzoo.commands.cli import guarded
from textzoo.errors import UserError
from textzoo.logs import OutputLost, start_logging


def raising(failure):
    def run():
        raise failure

    return run


@pytest.mark.parametrize(
    ("failure", "status", "said"),
    [
        (UserError("key: wrong"), 2, "x.py: key: wrong\n"),
        (PermissionError(errno.EACCES, "Permission denied", "a/b"), 2, "x.py: a/b: Permission d"),
        (OSError(errno.ENAMETOOLONG, "File name too long", "a"), 2, "x.py: a: File name too long"),
        (OSError(errno.ENOSPC, "No space left on device"), 2, "x.py: No space left on device\n"),
        (MemoryError("(ResourceExhausted) Fail to alloc memory"), 2, "x.py: out of memory: lower "),
        (RuntimeError("std::bad_alloc"), 2, "x.py: out of memory: lower runner.train_batch_size"),
        (KeyboardInterrupt(), 130, "x.py: interrupted\n"),
    ],
)
def test_a_mistake_and_what_the_machine_lacks_are_told(capsys, failure, status, said):
    assert guarded("x.py", raising(failure)) == status
    assert capsys.readouterr().err.startswith(said)


@pytest.mark.parametrize(
    "failure", [KeyError("x"), RuntimeError("x"), FileNotFoundError(errno.ENOENT, "no", "x")]
)
def test_a_fault_of_the_program_keeps_its_traceback(failure):
    with pytest.raises(type(failure)):
        guarded("x.py", raising(failure))


def test_what_is_printed_is_utf_8_in_any_locale(monkeypatch):
    stream = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr(sys, "stdout", stream)
    assert guarded("x.py", lambda: print("天气 \ud800")) == 0
    assert stream.buffer.getvalue().decode() == "天气 \\ud800\n"


def test_a_log_without_its_stream_ends_the_command():
    class Gone(io.StringIO):
        def write(self, text):
            raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    start_logging(stream=Gone())
    with pytest.raises(OutputLost):
        logging.getLogger("textzoo").info("a line")


def run(code: str, **how) -> subprocess.CompletedProcess:
    """Run code as a command's recipe, in a process of its own."""
    script = (
        "import os, signal, sys, threading\n"
        # A shell starts what runs in the background deaf to SIGINT.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from textzoo.commands.cli import guarded\n"
        "from textzoo.devices import import_paddle\n"
        "from textzoo.logs import log, start_logging\n"
        f"def run():\n    {code}\n"
        "sys.exit(guarded('x.py', run))"
    )
    return subprocess.run(
        [sys.executable, "-c", script],
        env={**ENVIRONMENT, "PYTHONPATH": str(ROOT / "tools")},
        **{"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "timeout": 120, **how},
    )


@pytest.mark.parametrize(
    "code",
    [
        "[print(i) for i in range(100_000)]",
        "start_logging(); [log.info('%d', i) for i in range(100_000)]",
        "print('buffered until the end')",
    ],
)
def test_output_that_nobody_reads_ends_a_command_quietly(code):
    reader, writer = os.pipe()
    os.close(reader)
    done = run(code, stdout=writer)
    os.close(writer)
    assert (done.returncode, done.stderr) == (128 + signal.SIGPIPE, b"")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux has a full device")
def test_output_to_a_full_device_is_told_once():
    with open("/dev/full", "wb") as full:
        done = run("start_logging(); [log.info('%d', i) for i in range(100)]", stdout=full)
    assert done.returncode == 2
    assert done.stderr == b"x.py: standard output: No space left on device\n"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize(
    "code",
    [
        "threading.Timer(0.2, os.kill, (os.getpid(), {number})).start(); import_paddle()",
        "import_paddle(); os.kill(os.getpid(), {number})",
    ],
    ids=["while Paddle is imported", "after it"],
)
def test_a_signal_during_the_start_is_answered_in_a_word(number, code):
    done = run(code.format(number=int(number)))
    assert (done.returncode, done.stdout, done.stderr) == (
        128 + number,
        b"",
        b"x.py: interrupted\n",
    )


def test_a_script_without_what_a_command_imports_says_so():
    for command in ("predict", "infer", "check_data"):
        script = str(ROOT / "tools" / f"{command}.py")
        done = subprocess.run([sys.executable, "-S", "-E", script, "--help"], capture_output=True)
        assert done.returncode == 2
        assert done.stderr.startswith(f"{command}.py: ".encode())
        assert b" is not installed for " in done.stderr
