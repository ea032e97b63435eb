import pytest

from textzoo import devices

INTEL = "vendor_id\t: GenuineIntel\nflags\t\t: sse avx avx2 avx512f\n"
AMD = INTEL.replace("GenuineIntel", "AuthenticAMD")


@pytest.mark.parametrize(
    ("facts", "expected"),
    [(AMD, True), (INTEL, False), (AMD.replace(" avx2 ", " "), False), (None, False)],
)
def test_only_amd_processors_with_avx2_need_another_path_of_mkl(monkeypatch, facts, expected):
    def read_text(path, encoding):
        if facts is None:
            raise FileNotFoundError(path)
        return facts

    monkeypatch.setattr(devices.Path, "read_text", read_text)
    assert devices._is_amd_with_avx2() is expected
