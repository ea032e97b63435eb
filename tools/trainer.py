"""Train a model in dynamic graph: python tools/trainer.py -m config.yaml."""

import sys

from textzoo.commands.train import main

if __name__ == "__main__":
    sys.exit(main())
