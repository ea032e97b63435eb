"""The tutorials: what a reader pastes is run, in order, and prints what the page shows.

So are our blocks of doc/coming_from/; those of other tools, `sh` and `py`, are not.
"""

import contextlib
import math
import os
import re
import shutil
import signal
import socket
import subprocess
import sys

import pytest
import yaml
from conftest import ROOT
from harness.foreign_files import WRITERS
from harness.workspace import ENVIRONMENT, TIMEOUT

pytest.importorskip("fastapi")
pytest.importorskip("paddle2onnx")

from harness.served import wait_until

PAGES = sorted((ROOT / "doc" / "tutorials").glob("*.md"))
ELSEWHERE = sorted((ROOT / "doc" / "coming_from").glob("*.md"))
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
NUMBER = r"-?\d+\.\d+(?:e-?\d+)?"
END = "-- the block has ended --"
# What `runner.print_seconds` adds where the machine is slow.
BY_TIME = re.compile(r"^(?!epoch ).*(?:at work for [\d:]+|/s  left [\d:]+)\n", re.MULTILINE)


def matches(shown, printed):
    """Whether this was printed; `...` stands for anything, and fractions may differ a little."""
    parts = re.split(rf"(\.\.\.|{NUMBER})", shown.strip())
    numbers = [part for part in parts if re.fullmatch(NUMBER, part)]
    patterns = [
        ".*?" if part == "..." else f"({NUMBER})" if part in numbers else re.escape(part)
        for part in parts
    ]
    found = re.fullmatch("".join(patterns), printed.strip(), re.DOTALL)
    return found is not None and all(
        math.isclose(float(ours), float(theirs), rel_tol=0.2, abs_tol=0.05)
        for ours, theirs in zip(numbers, found.groups())
    )


class Shell:
    """A shell in a copy of the repository; its server has a port of its own."""

    def __init__(self, folder):
        unwanted = shutil.ignore_patterns("output*", ".textzoo_cache", "__pycache__")
        for name in ("tools", "models"):
            shutil.copytree(ROOT / name, folder / name, ignore=unwanted)
        self._printed = folder / "printed.txt"
        with socket.create_server(("127.0.0.1", 0)) as free:
            self._port = str(free.getsockname()[1])
        path = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
        with self._printed.open("wb") as output:
            self._process = subprocess.Popen(
                ["bash", "-e"],
                cwd=folder,
                env={**ENVIRONMENT, "PATH": path, "PYTHONPATH": "tools", "PYTHONUTF8": "1"},
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=subprocess.STDOUT,
                encoding="utf-8",
                start_new_session=True,
            )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.communicate()

    def run(self, block, shown):
        """Run a block and check what it prints, once it has ended or, in the background, begun."""
        start = self._printed.stat().st_size
        ours = block.replace("tools/serve.py", f"tools/serve.py --port {self._port}")
        self._send(f"{{\n{ours.replace(':8000', f':{self._port}')}}} </dev/null\necho {END}\n")

        def printed():
            text = self._printed.read_bytes()[start:].decode(errors="replace")
            text = BY_TIME.sub("", text)
            return text.replace(f":{self._port}", ":8000")

        def is_right():
            return shown is None or matches(shown, printed().replace(END, ""))

        def is_done():
            if self._process.poll() is not None:
                return True
            return END in printed() and (is_right() or not block.endswith("&\n"))

        wait_until(is_done)
        report = f"{block}\nshown:\n{shown}\nprinted:\n{printed()}"
        assert self._process.poll() is None and is_right(), report

    def end(self):
        """Wait for the server, which the page has stopped, to end well."""
        self._send("wait $!\n")
        self._process.stdin.close()
        assert self._process.wait(TIMEOUT) == 0

    def _send(self, commands):
        self._process.stdin.write(commands)
        self._process.stdin.flush()


def change(config, keys):
    """Write the keys that a page shows into a config."""
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    for block, own in keys.items():
        settings.setdefault(block, {}).update(own)
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")


@pytest.mark.parametrize("page", ELSEWHERE, ids=lambda page: page.stem)
def test_our_side_of_a_page_for_users_of_other_tools_runs(page, tmp_path):
    WRITERS[page.stem](tmp_path)
    run_page(page, tmp_path, theirs=("sh", "py"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_tutorial_runs_from_start_to_end(page, tmp_path):
    run_page(page, tmp_path)


def run_page(page, tmp_path, theirs=()):
    """Run the blocks of a page but for those in the languages `theirs`."""
    blocks = BLOCK.findall(page.read_text(encoding="utf-8"))
    with Shell(tmp_path) as shell:
        for (language, block), (following, shown) in zip(blocks, [*blocks[1:], ("", "")]):
            expected = shown if following == "text" else None
            if language == "yaml":
                name = re.match("# (.*)", block)[1]
                change(tmp_path / name, yaml.safe_load(block))
            elif language == "python":
                shell.run(f"python - <<'EOF'\n{block}EOF\n", expected)
            elif language == "bash":
                shell.run(block, expected)
            else:
                assert language in ("text", *theirs)
        shell.end()


def test_what_was_printed_is_compared_with_what_is_shown():
    shown = "a\n...\ntag 4.24, step 7\n"
    assert matches(shown, "a\nb\nc\ntag 4.3, step 7")
    for other in ("tag 3.0, step 7", "tag 4.3, step 8", "name 4.3, step 7", "tag 4.3, step 7\nb"):
        assert not matches(shown, f"a\n\n{other}")
    assert not matches(shown, "a\ntag 4.3, step 7")
