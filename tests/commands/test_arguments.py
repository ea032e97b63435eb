import pytest

from benchmarks.run import main as benchmark
from textzoo.commands.check_data import main as check_data
from textzoo.commands.evaluate import main as evaluate
from textzoo.commands.serve import main as serve

_COUNT = "a whole number from 1 to 2147483647"
_SECONDS = "a number from 0.001 to 86400"
_FILES = ["--pairs", "a", "--result", "b"]


@pytest.mark.parametrize(
    ("command", "arguments", "value", "expected"),
    [
        *((serve, ["a", "--max-seconds"], v, _SECONDS) for v in ("nan", "inf", "0", "1e9")),
        *((serve, ["a", "--max-seconds"], v, _SECONDS) for v in ("-1", "", "x", "0.0009")),
        *((serve, ["a", "--max-body"], v, _COUNT) for v in ("nan", "0", "-1", "1.5", "2147483648")),
        *((serve, ["a", "--max-connections"], v, _COUNT) for v in ("0", "9" * 40)),
        *((serve, ["a", "--port"], v, "a whole number from 0 to 65535") for v in ("-1", "65536")),
        (check_data, ["-m", "a", "--limit"], "-1", "a whole number from 0 to 2147483647"),
        *((evaluate, [*_FILES, "--cuts", "1"], v, _COUNT) for v in ("0", "nan")),
        (benchmark, ["serve", "--exported", "a", "--connections"], "0", _COUNT),
        (benchmark, ["tagspace", "--steps"], "-1", _COUNT),
    ],
)
def test_numbers_out_of_bounds_are_refused(command, arguments, value, expected, capsys):
    with pytest.raises(SystemExit, match="2"):
        command([*arguments, value])
    said = capsys.readouterr().err.splitlines()[-1]
    assert f": received {value}, expected {expected}" in said
