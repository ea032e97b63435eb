"""Train several cases one after the other: a program for test_processes.py.

Arguments: a JSON file of cases, each a list of graph, config and overrides.
"""

import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "tools"))

from textzoo.devices import import_paddle

import_paddle()

from textzoo.train import train  # noqa: E402 (Paddle comes first)

for graph, config, *overrides in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
    train(Path(config), overrides, graph)
