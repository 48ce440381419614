"""Trained run in, weights of a narrower network out."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from tqdm import tqdm

from tumorscope.data.manifest import read_manifest
from tumorscope.errors import UsageError
from tumorscope.imaging.preprocess import Preprocessing
from tumorscope.recipes.input_check import spread
from tumorscope.recipes.model_inputs import load_examples
from tumorscope.recipes.provenance import check_manifest, read_run
from tumorscope.system.files import check_output
from tumorscope.training.checkpoint import load_arrays, save_arrays
from tumorscope.training.config import TrainConfig
from tumorscope.training.fit import RunPaths
from tumorscope.training.network import backbone_layers
from tumorscope.training.pruning import prune_filters

SCANS: Final = 128
"""Of the train split at least, spread over all sets; the maps at full size take 5 GB of memory."""


def prune(run: Path, *, output: Path, width: float, overwrite: bool = False) -> tuple[int, int]:
    """Write the weights of a narrower network, for ``tumorscope train --weights``.

    Parameters
    ----------
    run
        Folder of a finished training run of full width.
    output
        New ``.npz``.
    width
        Share of the filters of each convolution.
    overwrite
        Replace ``output``.

    Returns
    -------
    tuple of int
        Number of weights before and after.

    Raises
    ------
    UsageError
        If the run is not finished or not of full width, its manifest has changed, ``width`` is no
        share, ``output`` exists, or its folder does not.
    """
    check_output(output, overwrite=overwrite)
    if not output.parent.is_dir():
        raise UsageError(
            f"The folder {output.parent} for {output.name} does not exist; create it first."
        )
    record = read_run(run)
    config = TrainConfig.from_dict({**record["config"], "width": width})
    if width == 1 or record["config"].get("width", 1) != 1:
        raise UsageError(
            f"Only a full network can be narrowed, to a width below 1; received {width=}."
        )
    weights, _ = load_arrays(RunPaths(run).best)
    preprocessing = Preprocessing.from_dict(record["preprocessing"])
    root = Path(record["root"])
    rows = read_manifest(check_manifest(record), root=root)
    examples, _ = load_examples(spread(rows, "train", SCANS), root, preprocessing)
    with tqdm(total=len(backbone_layers()), desc="narrowing", unit="layer", disable=None) as bar:
        slim = prune_filters(
            weights,
            examples.canvases,
            width=config.width,
            seed=config.seed,
            progress=lambda _: bar.update(),
        )
    save_arrays(output, slim, {"width": width})
    before, after = (sum(array.size for array in arrays.values()) for arrays in (weights, slim))
    return before, after
