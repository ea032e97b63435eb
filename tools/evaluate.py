"""Evaluate a recall result: python tools/evaluate.py --pairs PAIRS --result RESULT."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("evaluate"))
