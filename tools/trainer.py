"""Train a model in dynamic graph: python tools/trainer.py -m config.yaml."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("train"))
