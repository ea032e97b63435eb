"""Join Stack Exchange questions and their tags into lines ``tag,tag<TAB>text`` for xmlcnn.

The source has the form of the Weibo posts of the same repository, and is converted by the same
program. In a text, ``<eos>`` stands between title and body.
"""

import runpy
from pathlib import Path

if __name__ == "__main__":
    converter = Path(__file__).resolve().parents[1] / "weibo_hashtags" / "convert.py"
    runpy.run_path(str(converter), run_name="__main__")
