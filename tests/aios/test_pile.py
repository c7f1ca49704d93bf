"""An answer of any length comes out as it came in."""

import pytest

from aios_top.aios.pile import Pile


@pytest.mark.parametrize("size", [0, 1, 128 * 1024, 128 * 1024 + 1, 3 * 1024 * 1024 + 7])
@pytest.mark.parametrize("chunk", [65536, 5_000_000, 131_071])
def test_what_was_piled_up_comes_out_whole(size, chunk):
    sent = bytes(range(256)) * (size // 256) + bytes(size % 256)
    with Pile() as pile:
        for start in range(0, size, chunk):
            pile.add(sent[start : start + chunk])
        assert pile.size == size
        assert pile.content() == sent
