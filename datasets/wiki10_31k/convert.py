"""Join the texts and labels of Wiki10-31K into lines ``label,label<TAB>text``.

The archive has the form of EUR-Lex's, and is converted by the same program.
"""

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    converter = Path(__file__).resolve().parents[1] / "eurlex4k" / "convert.py"
    sys.argv += ["--archive", "Wiki10-31K.tar.gz"]
    runpy.run_path(str(converter), run_name="__main__")
