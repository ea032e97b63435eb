"""Triples with hard negatives: python tools/mine_negatives.py -m config.yaml."""

import sys

from textzoo.commands.mine_negatives import main

if __name__ == "__main__":
    sys.exit(main())
