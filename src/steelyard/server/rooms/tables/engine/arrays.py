"""ndarray columns that the official client saves in .npz files beside the table.

# wandb 0.31.0 sdk/data_types/table.py, _dtypes.py: the cells are null; column_types names the file
# and the key in it: {"wb_type": "ndarray", "params": {"shape", "serialization_path": {path, key}}}
"""

from __future__ import annotations

import zipfile
from pathlib import Path
from typing import Any

import numpy as np

from steelyard.limits import TABLE_ARRAY_BYTES_MAX, TABLE_ARRAY_CELL_VALUES_MAX


def list_types(column_types: Any) -> dict[str, list[dict[str, Any]]]:
    """The types of each column; several where the column has a union of types."""
    params = column_types.get("params") if isinstance(column_types, dict) else None
    type_map = params.get("type_map") if isinstance(params, dict) else None
    if not isinstance(type_map, dict):
        return {}
    return {str(name): _flatten(each) for name, each in type_map.items()}


def _flatten(each: Any) -> list[dict[str, Any]]:
    if not isinstance(each, dict):
        return []
    params = each.get("params")
    allowed = params.get("allowed_types") if isinstance(params, dict) else None
    if each.get("wb_type") == "union" and isinstance(allowed, list):
        return [one for inner in allowed[:100] for one in _flatten(inner)]
    return [each]


def find_saved_arrays(column_types: Any) -> dict[str, tuple[str, str]]:
    """(path, key) of each column that was saved as an array."""
    found: dict[str, tuple[str, str]] = {}
    for name, types in list_types(column_types).items():
        for each in types:
            place = (each.get("params") or {}).get("serialization_path")
            if each.get("wb_type") == "ndarray" and isinstance(place, dict):
                path, key = place.get("path"), place.get("key")
                if isinstance(path, str) and isinstance(key, str):
                    found[name] = (path, key)
    return found


def load_array(path: Path, key: str) -> np.ndarray[Any, Any] | str:
    """The array saved under `key`, or why it cannot be read."""
    try:
        with zipfile.ZipFile(path) as archive:
            size_bytes = archive.getinfo(f"{key}.npy").file_size
        if size_bytes > TABLE_ARRAY_BYTES_MAX:
            return (
                f"it unpacks to {size_bytes:,} bytes; the limit TABLE_ARRAY_BYTES_MAX is "
                f"{TABLE_ARRAY_BYTES_MAX:,}"
            )
        with np.load(path, allow_pickle=False) as archive:
            loaded: np.ndarray[Any, Any] = archive[key]
            return loaded
    except (KeyError, ValueError, OSError, EOFError, zipfile.BadZipFile) as error:
        return f"it is damaged or no array of numbers ({error})"


def cell_of(array: np.ndarray[Any, Any], row: int) -> Any:
    """The row as lists of numbers; of a large one its shape and range."""
    if row >= len(array):
        return None
    cell = array[row]
    if cell.size <= TABLE_ARRAY_CELL_VALUES_MAX:
        return cell.tolist()
    about: dict[str, Any] = {
        "_type": "ndarray",
        "shape": list(cell.shape),
        "dtype": str(cell.dtype),
    }
    if cell.dtype.kind in "biuf":
        about |= {"min": float(cell.min()), "max": float(cell.max()), "mean": float(cell.mean())}
    return about
