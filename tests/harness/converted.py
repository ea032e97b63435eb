"""Conversions to ONNX without processes of their own."""

import contextlib
import sys

import pytest

from textzoo.running import onnx_conversion


@contextlib.contextmanager
def converting_here():
    """Convert nets in this process, in a fraction of the time.

    A net that cannot be converted would end it: only those of the zoo.
    """

    def run(code, *arguments, failure):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(sys, "argv", ["-c", *map(str, arguments)])
            exec(compile(code, failure, "exec"), {})

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(onnx_conversion, "_run", run)
        yield
