"""Texts most worth labelling: python tools/label_next.py -m config.yaml --texts new.txt -n 100."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("label_next"))
