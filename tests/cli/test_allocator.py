"""One heap for all threads, where the C library is glibc."""

import platform
import re
import subprocess
import sys

import pytest

PROGRAM = """
import ctypes, sys, threading
from aios_top.cli.allocator import share_one_heap

if sys.argv[1] == "shared":
    share_one_heap()
libc = ctypes.CDLL(None)
libc.malloc.restype, libc.malloc.argtypes = ctypes.c_void_p, [ctypes.c_size_t]
begin = threading.Barrier(4)

def allocate():
    begin.wait()
    libc.malloc(50_000)
    begin.wait()

threads = [threading.Thread(target=allocate) for _ in range(4)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
for _ in range(500):
    libc.malloc(40_000)
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""


def told(how: str) -> str:
    """What the C library tells of its memory, as XML."""
    return subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True).stdout


def heaps(how: str) -> int:
    return told(how).count("<heap nr=")


def mapped(how: str) -> int:
    """How many blocks have pages of their own."""
    return int(re.findall(r'<total type="mmap" count="(\d+)"', told(how))[-1])


on_glibc = pytest.mark.skipif(
    platform.libc_ver()[0] != "glibc", reason="other C libraries have no heap for each thread"
)


@on_glibc
def test_all_threads_share_one_heap() -> None:
    assert heaps("as usual") > 1
    assert heaps("shared") == 1


@on_glibc
def test_large_blocks_stand_outside_the_heap() -> None:
    assert mapped("as usual") < 500
    assert mapped("shared") >= 500
