"""Exported models behind HTTP: python tools/serve.py DIR."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("serve"))
