"""What is in the data of a config: python tools/check_data.py -m config.yaml."""

import sys

from textzoo.commands.cli import start

if __name__ == "__main__":
    sys.exit(start("check_data"))
