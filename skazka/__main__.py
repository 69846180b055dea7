"""`python -m skazka`: the same program as `skazka`."""

import os
import sys

# Python puts the current folder first; a user's own `analysis/` or `search.py` there would hide ours.
_here = os.path.realpath(os.getcwd())
if _here != os.path.dirname(os.path.dirname(os.path.realpath(__file__))):
    sys.path[:] = [entry for entry in sys.path if os.path.realpath(entry or os.getcwd()) != _here]

from skazka.cli import main  # noqa: E402

if __name__ == "__main__":
    main(prog_name="skazka")
