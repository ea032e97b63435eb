"""Recall texts of a corpus for queries: python tools/recall.py -m config.yaml."""

import sys

from textzoo.commands.recall import main

if __name__ == "__main__":
    sys.exit(main())
