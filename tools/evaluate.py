"""Evaluate a recall result: python tools/evaluate.py --pairs PAIRS --result RESULT."""

import sys

from textzoo.commands.cli import evaluate

if __name__ == "__main__":
    sys.exit(evaluate())
