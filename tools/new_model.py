"""A working copy of a model folder: python tools/new_model.py NAME --from tagspace."""

import sys

from textzoo.commands.new_model import main

if __name__ == "__main__":
    sys.exit(main())
