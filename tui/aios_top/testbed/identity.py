"""Names that AIOS, Kubernetes and MongoDB would draw at random; here from a seed, so that a demo repeats itself."""

import random
import string
import time

_INSTANCE_ALPHABET = string.ascii_lowercase + string.digits
_POD_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""Kubernetes leaves out vowels and look-alikes."""


class Names:
    """A seeded source of names; two with the same seed give the same sequence."""

    def __init__(self, seed: object) -> None:
        self._random = random.Random(str(seed))

    def instance_id(self) -> str:
        """Return a new instance id: `in-` and four of a-z and 0-9."""
        return "in-" + self._draw(_INSTANCE_ALPHABET, 4)

    def replica_set(self) -> str:
        """Return the part of a pod's name that its deployment gives to all its pods."""
        return self._draw(_POD_ALPHABET, 10)

    def pod_suffix(self) -> str:
        """Return the part of a pod's name that changes with every restart."""
        return self._draw(_POD_ALPHABET, 5)

    def object_id(self) -> str:
        """Return 24 hexadecimal digits that start with the time, as MongoDB's ids do."""
        return f"{int(time.time()):08x}{self._random.getrandbits(64):016x}"

    def task_id(self) -> str:
        """Return an id of a task in the tasks database."""
        return f"{self._random.getrandbits(128):032x}"

    def _draw(self, alphabet: str, length: int) -> str:
        return "".join(self._random.choices(alphabet, k=length))
