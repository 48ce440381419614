"""Answer a test folder by its nearest training pictures, 32 x 32: no network, only memory.

What a look-up scores on a test set tells how much of it can be had without having learned anything.
Writes the columns of ``tumorscope predict --format csv`` that ``data leakage`` reads.

    python -m benchmarks.predict_by_neighbor TRAIN TEST > predictions.csv
"""

from __future__ import annotations

import argparse
import csv
import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tumorscope.data.collection import Collection, open_collection
from tumorscope.data.pictures import read_pictures
from tumorscope.evaluation.controls import score_by_neighbor, unit_thumbnail
from tumorscope.imaging.preprocess import Preprocessing


def main() -> None:
    """Print a row per test picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("train", type=Path)
    parser.add_argument("test", type=Path)
    options = parser.parse_args()
    train, test = open_collection(options.train), open_collection(options.test)
    labels = np.array([row.tumor for row in train.rows])
    scores = score_by_neighbor(_thumbnails(train), labels, _thumbnails(test))
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(("source", "probability_tumor"))
    for row, score in zip(test.rows, scores.tolist(), strict=True):
        writer.writerow((test.file(row), score))


def _thumbnails(collection: Collection) -> NDArray[np.float32]:
    apply = Preprocessing().apply
    pictures = read_pictures(collection.rows, collection.root)
    return np.stack([unit_thumbnail(apply(pixels)[0]) for pixels in pictures])


if __name__ == "__main__":
    main()
