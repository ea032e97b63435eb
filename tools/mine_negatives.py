"""Triples with hard negatives: python tools/mine_negatives.py -m config.yaml."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("mine_negatives"))
