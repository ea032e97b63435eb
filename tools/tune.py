"""Find settings that are better on validation rows: python tools/tune.py -m config.yaml."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("tune"))
