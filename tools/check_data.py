"""What is in the data of a config: python tools/check_data.py -m config.yaml."""

import sys

from textzoo.commands.check_data import main

if __name__ == "__main__":
    sys.exit(main())
