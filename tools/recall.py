"""Recall texts of a corpus for queries: python tools/recall.py -m config.yaml."""

import sys

from textzoo.commands.cli import recall

if __name__ == "__main__":
    sys.exit(recall())
