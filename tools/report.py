"""Training runs as one HTML file: python tools/report.py RUN_DIR [RUN_DIR ...]."""

import sys

from textzoo.commands.report import main

if __name__ == "__main__":
    sys.exit(main())
