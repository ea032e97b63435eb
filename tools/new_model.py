"""A working copy of a model folder: python tools/new_model.py NAME --from tagspace."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("new_model"))
