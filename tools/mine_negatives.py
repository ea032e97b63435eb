"""Triples with hard negatives: python tools/mine_negatives.py -m config.yaml."""

import sys

from textzoo.commands.cli import mine_negatives

if __name__ == "__main__":
    sys.exit(mine_negatives())
