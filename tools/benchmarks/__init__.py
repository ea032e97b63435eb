"""The tables of benchmark.py, one file a table, and what they compare with."""

from pathlib import Path

TOOLS = Path(__file__).resolve().parents[1]
MODELS = TOOLS.parent / "models"
