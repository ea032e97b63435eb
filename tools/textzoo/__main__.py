"""`python -m textzoo` is the command `textzoo`, also where this is not on the PATH."""

import sys

from textzoo.commands.entry import main

sys.exit(main())
