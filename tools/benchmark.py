"""Measure the zoo against other ways to do the same: python tools/benchmark.py TABLE."""

import sys

from benchmarks.run import main

if __name__ == "__main__":
    sys.exit(main())
