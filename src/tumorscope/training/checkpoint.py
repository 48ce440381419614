"""The state of a run on disk: replaced whole after every epoch, never unpickled."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from tumorscope.errors import UsageError
from tumorscope.system.files import whole_file

Arrays = dict[str, NDArray[Any]]


def save_arrays(path: Path, arrays: Mapping[str, NDArray[Any]], meta: Mapping[str, Any]) -> None:
    """Write arrays and a JSON header into one ``.npz``; readers see the old or the new file."""
    header = np.frombuffer(json.dumps(dict(meta)).encode(), dtype=np.uint8)
    with whole_file(path, durable=True) as file:
        np.savez(file, allow_pickle=False, __meta__=header, **arrays)


def load_arrays(path: Path) -> tuple[Arrays, dict[str, Any]]:
    """Read what :func:`save_arrays` wrote.

    Raises
    ------
    UsageError
        If the file is not such a file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
        meta = json.loads(arrays.pop("__meta__").tobytes())
    except (OSError, ValueError, KeyError, zlib.error) as error:
        raise UsageError(f"{path} is not a checkpoint of a training run: {error}") from error
    return arrays, meta


def variable_arrays(model: keras.Model, optimizer: keras.Optimizer) -> Arrays:
    """Copy all variables of a model (dropout state included) and of its optimizer."""
    arrays = {f"model/{index}": v.numpy() for index, v in enumerate(all_variables(model))}
    arrays |= {f"optimizer/{index}": v.numpy() for index, v in enumerate(optimizer.variables)}
    return arrays


def restore_variables(model: keras.Model, optimizer: keras.Optimizer, arrays: Arrays) -> None:
    """Assign what :func:`variable_arrays` copied."""
    for index, variable in enumerate(all_variables(model)):
        variable.assign(arrays[f"model/{index}"])
    for index, variable in enumerate(optimizer.variables):
        variable.assign(arrays[f"optimizer/{index}"])


def all_variables(model: keras.Model) -> list[keras.Variable]:
    """Return weights and random-generator states, in the model's own order."""
    return list(model.variables)


def layer_arrays(*models: keras.Model) -> Arrays:
    """Return every weight by name, such as ``block4_conv1/kernel``."""
    return {
        f"{layer.name}/{weight.name}": np.asarray(weight.numpy(), dtype=np.float32)
        for model in models
        for layer in model.layers
        for weight in layer.weights
        if weight.name in {"kernel", "bias"}
    }
