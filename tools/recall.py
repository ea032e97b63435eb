"""Recall texts of a corpus for queries: python tools/recall.py -m config.yaml."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("recall"))
