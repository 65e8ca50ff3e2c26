"""Runs every cell of a notebook with a data set at hand: notebook.py NOTEBOOK SET"""

import os
import sys
from pathlib import Path

import nbformat
from nbclient import NotebookClient

path = Path(sys.argv[1])
os.environ["UNSTAMP_SET"] = sys.argv[2]
notebook = nbformat.read(path, as_version=4)
NotebookClient(notebook, timeout=600, resources={"metadata": {"path": str(path.parent)}}).execute()
cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
print(f"{path.name}: {len(cells)} cells ran")
if "--write" in sys.argv:
    nbformat.write(notebook, path)
