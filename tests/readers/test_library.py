import pytest
from harness.workspace import MODELS

from textzoo.config.model_folder import load_model_folder
from textzoo.readers.library import READERS, library_name


@pytest.mark.parametrize("model", MODELS)
def test_the_reader_of_each_model_of_the_zoo_is_the_librarys(model):
    reader = load_model_folder(MODELS[model].folder).reader
    assert READERS[library_name(reader)] is reader


def test_a_reader_that_derives_from_one_of_the_librarys_is_another():
    class Reader(READERS["tagspace"]):
        pass

    assert library_name(Reader) is None
