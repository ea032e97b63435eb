"""Training rows whose labels are likely wrong: python tools/label_errors.py -m config.yaml."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("label_errors"))
