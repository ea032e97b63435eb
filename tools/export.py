"""A model as a folder that stands alone: python tools/export.py -m config.yaml --output DIR."""

import sys

from textzoo.commands.cli import export

if __name__ == "__main__":
    sys.exit(export())
