"""The JSON Schema of a model's configs: python tools/schema.py --model tagspace."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("schema"))
