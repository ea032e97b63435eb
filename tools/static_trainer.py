"""Train a model in static graph: python tools/static_trainer.py -m config.yaml."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("train", "static_main"))
