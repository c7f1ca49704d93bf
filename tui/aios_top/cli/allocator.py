"""One heap for all threads of a program that runs for days, and what a moment needed goes back at once."""

import ctypes

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
"""Parameters of `mallopt`, by their numbers in glibc's <malloc.h>."""
_TRIM_BYTES = 128 * 1024
"""glibc's own first value; to set it keeps glibc from raising it, and from keeping ever larger blocks in the heap."""
_LARGE_BYTES = 32 * 1024
"""Blocks of this size have pages of their own, which go back when they are freed: in the heap they leave holes that
small ones break up, and the console held a megabyte of them within minutes. glibc's own first value is 128 KiB."""


def share_one_heap() -> None:
    """Let all threads allocate from one heap; call it before the first thread starts.

    glibc gives each thread a heap of its own, where the rest of one large answer keeps megabytes that no other thread
    gets. The interpreter's lock lets one thread allocate at a time anyway. Other C libraries have no such heaps.
    """
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError, TypeError):
        return
    mallopt(_ARENA_MAX, 1)
    mallopt(_TRIM_THRESHOLD, _TRIM_BYTES)
    mallopt(_MMAP_THRESHOLD, _LARGE_BYTES)
