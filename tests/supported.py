"""Whether the tested versions (constraints.txt) can be installed by a Python on a machine, in a sentence where they cannot.

The Makefile asks before it installs, whatever Python it was given: so this is written for any Python 3.
"""

import platform
import sys

OLDEST, NEWEST = (3, 11, 5), (3, 14)


def refusal(version):
    """Why a Python of that version (major, minor, patch) cannot take the tested versions and which can, or None."""
    found = "This is Python {}: ".format(".".join(map(str, version)))
    if version < OLDEST:
        return found + "the course needs 3.11.5 or newer, up to 3.14. Name one: make PYTHON=python3.12 …"
    if version[:2] > NEWEST:
        return found + "the tested versions of NumPy, SciPy and PyTorch have no wheels for it yet. Name an older one: make PYTHON=python3.14 …"
    return None


def notice(system, machine):
    """What will be missing on that machine and where to have it, or None."""
    if (system, machine) != ("Darwin", "x86_64"):
        return None
    return ("This is a Python for Intel Macs, for which PyTorch has had no wheels since 2.2, and the course needs 2.4: lessons 1 to 5 come without it, but for "
            "the cells of lessons 2 and 5 that train torch modules; lesson 6's networks for images need it, and so do the tests. On Apple silicon take a Python "
            "for arm64; on an Intel Mac environment.yml, for conda-forge builds PyTorch itself: conda env create -f environment.yml")


if __name__ == "__main__":
    said = notice(platform.system(), platform.machine())
    if said:
        print(said)
    sys.exit(refusal(sys.version_info[:3]))
