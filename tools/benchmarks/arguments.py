"""Arguments that several tables have."""

import argparse
from pathlib import Path

from textzoo.commands.arguments import add_override, number_within

COUNT = number_within(int, 1)  # reads an argument
PEER = "a Python with tools/benchmarks/peers/requirements.txt"


def add_config(parser: argparse.ArgumentParser) -> None:
    """Ask for a config, and for overrides of its keys."""
    parser.add_argument("-m", "--model", type=Path, required=True, help="a config")
    add_override(parser, "set config keys")
