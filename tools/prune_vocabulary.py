"""An encoder with only the pieces that texts use: python tools/prune_vocabulary.py --help."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("prune_vocabulary"))
