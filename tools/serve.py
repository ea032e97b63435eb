"""An exported model behind HTTP: python tools/serve.py DIR."""

import sys

from textzoo.commands.serve import main

if __name__ == "__main__":
    sys.exit(main())
