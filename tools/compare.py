"""Whether one model is better than another: python tools/compare.py FIRST SECOND."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("compare"))
