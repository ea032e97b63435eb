"""Train several cases one after the other: a program for test_collectives.py.

Arguments: a JSON file of cases, each a list of graph, config and overrides. Where the graph is
followed by "/apart", the processes are to believe that they are on machines of their own.
"""

import json
import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from textzoo.devices import import_paddle

import_paddle()

from textzoo.commands.train import train  # noqa: E402 (Paddle comes first)
from textzoo.distributed import collectives  # noqa: E402 (Paddle comes first)

for graph, config, *overrides in json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")):
    graph, _, apart = graph.partition("/")
    os.environ["PADDLE_LOCAL_SIZE"] = "1" if apart else os.environ["PADDLE_TRAINERS_NUM"]
    train(Path(config), overrides, graph)
    assert bool(collectives._shared_memory) != bool(apart)
