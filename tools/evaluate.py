"""Evaluate a recall result: python tools/evaluate.py --pairs PAIRS --result RESULT."""

import sys

from textzoo.commands.evaluate import main

if __name__ == "__main__":
    sys.exit(main())
