"""Files of arrays: read as Paddle reads them, but for what is no array."""

import collections
import os
import pickle
import random
import struct

import numpy as np
import paddle
import pytest

from textzoo.nets.pdparams import read_arrays

RANDOM = np.random.default_rng(0)
ARRAYS = {
    "weight": RANDOM.normal(size=(300, 100)).astype("float32"),
    "by columns": np.asfortranarray(RANDOM.normal(size=(3, 4))),
    "another byte order": RANDOM.normal(size=3).astype(">f8"),
    "empty": np.zeros((0, 3), "float32"),
    "one number": np.array(3),
    "bfloat16": np.array([0x3F80, 0x7FC0], "uint16"),
    **{kind: np.array([[0, 1], [1, 0]], kind) for kind in ("bool", "int8", "float16", "complex64")},
}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "weights.pdparams"


def assert_as_paddle_reads_it(file):
    ours, theirs = read_arrays(file), paddle.load(str(file), return_numpy=True)
    assert list(ours) == list(theirs)
    for name, array in theirs.items():
        assert ours[name].dtype == array.dtype, name
        assert ours[name].shape == array.shape, name
        assert ours[name].tobytes() == array.tobytes(), name
        assert ours[name].flags.f_contiguous == array.flags.f_contiguous, name


# ------------------------------------------------------------------ what Paddle writes


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("kind", [dict, collections.OrderedDict])
def test_arrays_are_read_as_paddle_reads_them(file, protocol, kind):
    paddle.save(kind(ARRAYS), str(file), protocol=protocol)
    assert_as_paddle_reads_it(file)


@pytest.mark.parametrize("protocol", [2, 3, 4])
@pytest.mark.parametrize("more", [{}, {"an array": np.ones(2)}], ids=["state", "mixed"])
def test_the_state_of_a_net_is_read_as_paddle_reads_it(file, protocol, more):
    net = paddle.nn.Sequential(paddle.nn.Linear(3, 4), paddle.nn.BatchNorm1D(4))
    state = {**net.state_dict(), "half": paddle.ones([2]).astype("bfloat16"), **more}
    paddle.save(state, str(file), protocol=protocol)
    assert_as_paddle_reads_it(file)


def test_an_array_in_parts_is_put_together(file):
    """As protocols 2 and 3 have an array of more than a gigabyte."""
    whole = ARRAYS["weight"].flatten()
    facts = {"OriginShape": (300, 100), "slices": ["weight@@.0", "weight@@.1"]}
    parts = {"weight@@.0": whole[:20000], "weight@@.1": whole[20000:]}
    content = {**parts, "UnpackBigParamInfor@@": {"weight": facts}, "bias": np.ones(2)}
    file.write_bytes(pickle.dumps(content, protocol=2))
    assert_as_paddle_reads_it(file)


@pytest.mark.parametrize("module", ["numpy.core.multiarray", "numpy._core.multiarray"])
def test_files_of_both_generations_of_numpy_are_read(file, module):
    content = pickle.dumps(ARRAYS, protocol=2)
    ours = np.ndarray.__reduce__(np.ones(1))[0].__module__
    file.write_bytes(content.replace(f"c{ours}\n".encode(), f"c{module}\n".encode()))
    assert f"{module}\n_reconstruct".encode() in file.read_bytes()
    assert read_arrays(file)["weight"].tobytes() == ARRAYS["weight"].tobytes()


def test_a_file_of_python_2_is_read(file):
    """There, the bytes of an array and its names are texts of one byte a character."""
    state = b"(K\x01K\x02\x85cnumpy\ndtype\nU\x02f4K\x00K\x01\x87R(K\x03U\x01<NNNJ\xff\xff\xff\xff"
    state += b"J\xff\xff\xff\xffK\x00tb\x89U\x08" + struct.pack("<2f", 1.5, -2) + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R" + state
    file.write_bytes(b"\x80\x02}U\x01w" + array + b"s.")
    assert_as_paddle_reads_it(file)
    assert read_arrays(file)["w"].tolist() == [1.5, -2]


# ------------------------------------------------------------------ what is refused


class Calls:
    """An object whose pickle calls a function."""

    def __init__(self, function, *arguments):
        self._reduced = function, arguments

    def __reduce__(self):
        return self._reduced


REFUSED = {
    "a call": (Calls(os.mkdir, "made"), f"asks to call '{os.mkdir.__module__}.mkdir'"),
    "an evaluation": (Calls(eval, "1"), r"asks to call '(builtins|__builtin__)\.eval'"),
    "a class": (collections.Counter(), r"asks to call 'collections\.Counter'"),
    "objects": (np.array(["a", None], object), "holds an array of dtype 'O8'"),
    "texts": (np.array(["a"]), "holds an array of dtype 'U1'"),
    "a structure": (np.zeros(2, "i4,f4"), "holds an array of dtype 'V8'"),
    "a number": (3, "'weight' is a int"),
    "a text": ("x", "'weight' is a str"),
    "arrays in a list": ([np.ones(2)], "'weight' is a list"),
}


@pytest.mark.parametrize("name", REFUSED)
@pytest.mark.parametrize("protocol", [2, 4])
def test_what_is_no_array_of_numbers_is_refused_by_name(file, protocol, name, monkeypatch):
    monkeypatch.chdir(file.parent)
    value, says = REFUSED[name]
    file.write_bytes(pickle.dumps({"weight": value}, protocol=protocol))
    with pytest.raises(ValueError, match=says):
        read_arrays(file)
    assert os.listdir() == [file.name]


@pytest.mark.parametrize("content", [[np.ones(2)], np.ones(2), None, "x", {1: np.ones(2)}])
def test_what_is_no_dictionary_of_names_is_refused(file, content):
    file.write_bytes(pickle.dumps(content, protocol=4))
    with pytest.raises(ValueError, match=r"expected arrays by name|a int in place of a str"):
        read_arrays(file)


DTYPE = b"cnumpy\ndtype\n\x8c\x02f4\x89\x88\x87R"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85C\x01b\x87R"
CRAFTED = {
    "a length that is not there": b"\x80\x04}\x8c\x01w\x8e" + struct.pack("<Q", 1 << 40) + b"xs.",
    "a length beyond all": b"\x80\x04}\x8c\x01w\x8e" + b"\xff" * 8 + b"xs.",
    "a place far off": b"\x80\x04}r\xff\xff\xff\x7f\x8c\x01wh\x01s.",
    "a shape that is not there": b"\x80\x04}\x8c\x01w"
    + ARRAY
    + b"(K\x01J\xff\xff\xff\x7f\x85"
    + DTYPE
    + b"\x89C\x04abcdtbs.",
    "a shape of texts": b"\x80\x04}\x8c\x01w"
    + ARRAY
    + b"(K\x01\x8c\x04textJ\xff\xff\xff\x7f\x86"
    + DTYPE
    + b"\x89C\x04abcdtbs.",
    "a negative shape": b"\x80\x04}\x8c\x01w" + ARRAY + b"(K\x01J\xff\xff\xff\xffJ\xff\xff\xff\xff"
    b"\x86" + DTYPE + b"\x89C\x04abcdtbs.",
    "a state of the class": b"\x80\x04}\x8c\x01wcnumpy\nndarray\n(K\x01tbs.",
    "a state of a function": b"\x80\x04}\x8c\x01wcbuiltins\ntuple\n}\x8c\x01ak\x01sbs.",
    "many lists in each other": b"\x80\x04}\x8c\x01w" + b"]" * 100_000 + b"a" * 99_999 + b"s.",
    "a name of many tuples": b"\x80\x04})" + b"\x85" * 300_000 + b"Ns.",
    "a class of many tuples": b"\x80\x04})" + b"\x85" * 300_000 + b"\x8c\x01a\x93.",
    "values that are not there": b"\x80\x04\x87.",
    "nothing": b"",
    "no pickle": b"PK\x03\x04" + b"\0" * 100,
}


@pytest.mark.parametrize("name", CRAFTED)
def test_a_crafted_file_is_refused(file, name):
    file.write_bytes(CRAFTED[name])
    with pytest.raises(ValueError, match=r"is damaged|is a |holds a "):
        read_arrays(file)


def test_a_damaged_file_gives_a_message_or_arrays(file):
    """Cut at each of some places, or with some bytes changed."""
    content = pickle.dumps({"weight": np.ones(9, "f4"), "bias": np.ones(2)}, protocol=2)
    chance = random.Random(0)
    n_refused = 0
    for _ in range(2000):
        damaged = bytearray(content[: chance.randrange(len(content))] or content)
        if chance.random() < 0.7:
            damaged = bytearray(content)
            for _ in range(chance.randrange(1, 4)):
                damaged[chance.randrange(len(damaged))] = chance.randrange(256)
        file.write_bytes(damaged)
        try:
            read_arrays(file)
        except ValueError:
            n_refused += 1
    assert n_refused > 1000
