"""Train a model in static graph: python tools/static_trainer.py -m config.yaml."""

import sys

from textzoo.commands.cli import static_trainer

if __name__ == "__main__":
    sys.exit(static_trainer())
