"""Training runs as one HTML file: python tools/report.py RUN_DIR [RUN_DIR ...]."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("report"))
