"""One heap for all threads, where the C library is glibc."""

import platform
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
libc.fdopen.restype = ctypes.c_void_p
libc.malloc_info(0, ctypes.c_void_p(libc.fdopen(1, b"w")))
libc.fflush(None)
"""


def heaps(how: str) -> int:
    done = subprocess.run([sys.executable, "-c", PROGRAM, how], capture_output=True, text=True, check=True)
    return done.stdout.count("<heap nr=")


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="other C libraries have no heap for each thread")
def test_all_threads_share_one_heap() -> None:
    assert heaps("as usual") > 1
    assert heaps("shared") == 1
