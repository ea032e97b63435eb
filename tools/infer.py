"""Evaluate and predict in dynamic graph: python tools/infer.py -m config.yaml."""

import sys

from textzoo.commands.infer import main

if __name__ == "__main__":
    sys.exit(main())
