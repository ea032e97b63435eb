"""Evaluate and predict in static graph: python tools/static_infer.py -m config.yaml."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("infer", "static_main"))
