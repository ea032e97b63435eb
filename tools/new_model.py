"""A working copy of a model folder: python tools/new_model.py NAME --from tagspace."""

import sys

from textzoo.commands.cli import new_model

if __name__ == "__main__":
    sys.exit(new_model())
