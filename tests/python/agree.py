"""Fails unless two programs counted the same: agree.py NAME ONE.json OTHER.json"""

import json
import sys
from pathlib import Path

# Images on the border between two classes: the programs add numbers in another order.
BORDER = 2

name, *paths = sys.argv[1:]
ours, theirs = (json.loads(Path(path).read_text()) for path in paths)
for rate in ("acc", "asr"):
    one, other = ours[rate], theirs[rate]
    print(f"{name}: {rate} {one['k']} and {other['k']} of {one['n']}")
    assert one["n"] == other["n"], f"{rate}: {one['n']} and {other['n']} images"
    assert abs(one["k"] - other["k"]) <= BORDER, f"{rate}: {one['k']} and {other['k']} differ"
