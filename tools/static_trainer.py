"""Train a model in static graph: python tools/static_trainer.py -m config.yaml."""

import sys

from textzoo.commands.train import static_main

if __name__ == "__main__":
    sys.exit(static_main())
