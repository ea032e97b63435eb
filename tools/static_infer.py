"""Evaluate and predict in static graph: python tools/static_infer.py -m config.yaml."""

import sys

from textzoo.commands.infer import static_main

if __name__ == "__main__":
    sys.exit(static_main())
