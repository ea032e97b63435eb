"""Labels of texts, similarities of pairs: python tools/predict.py -m config.yaml."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("predict"))
