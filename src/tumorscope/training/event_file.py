"""The metrics of each epoch in TensorBoard's format, written with TensorFlow alone."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import tensorflow as tf


class EventFile:
    """A file ``events.out.tfevents...`` in a run folder, which TensorBoard finds by its name.

    Each start of a run has one of its own, made at its first epoch; TensorBoard joins them.

    Parameters
    ----------
    folder
        Of the run.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: tf.summary.SummaryWriter | None = None

    def write(self, epoch: int, metrics: Mapping[str, float]) -> None:
        """Add the metrics of an epoch, counted from 0, and write them through to the file."""
        if self._writer is None:
            self._writer = tf.summary.create_file_writer(str(self._folder))
        of_epoch = tf.compat.v1.Summary(
            value=[
                tf.compat.v1.Summary.Value(tag=name, simple_value=value)
                for name, value in metrics.items()
            ]
        )
        with self._writer.as_default():
            tf.summary.experimental.write_raw_pb(of_epoch.SerializeToString(), step=epoch)
        self._writer.flush()

    def close(self) -> None:
        """Close the file, if there is one."""
        if self._writer is not None:
            self._writer.close()
