"""A model as a folder that stands alone: python tools/export.py -m config.yaml --output DIR."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("export"))
