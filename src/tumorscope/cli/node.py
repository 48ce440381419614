"""``tumorscope node``."""

from __future__ import annotations

import json
import os
import signal
import threading
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from tumorscope.cli.options import model_option, operating_point_option
from tumorscope.errors import MissingExtraError, UsageError
from tumorscope.labels import NOTICE
from tumorscope.model.classifier import load_model
from tumorscope.model.prediction import Answer
from tumorscope.serving.dicom_node.config import NodeConfig

if TYPE_CHECKING:
    from tumorscope.serving.dicom_node.node import DicomNode


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option(
    "--port",
    default=11112,
    show_default=True,
    type=click.IntRange(0, 65535),
    help="Port to listen on; 0 picks a free one.",
)
@click.option(
    "--ae-title",
    default="TUMORSCOPE",
    show_default=True,
    help="Application entity title of this node.",
)
@click.option(
    "--accept",
    "accepted",
    multiple=True,
    metavar="AE_TITLE",
    help="Application entity title of an accepted sender; repeatable. Required unless --host is "
    "a loopback address.",
)
@click.option(
    "--series-after",
    default=10.0,
    show_default=True,
    type=click.FloatRange(0, 3600),
    help="Answer a series when no further slice has arrived for this many seconds.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to append answers to, as JSON Lines.  [default: standard output]",
)
@model_option
@operating_point_option
def node(
    *,
    host: str,
    port: int,
    ae_title: str,
    accepted: tuple[str, ...],
    series_after: float,
    output: Path | None,
    model: Path | None,
    operating_point: str,
) -> None:
    """Receive scans by DICOM C-STORE and answer them, until stopped."""
    config = NodeConfig(
        host=host,
        port=port,
        ae_title=ae_title,
        accepted=accepted,
        series_after_s=series_after,
    )
    config.check()
    make_node, classifier = _node_class(), load_model(model, operating_point=operating_point)
    with nullcontext() if output is None else _opened(output) as file:
        write = _write_line if file is None else partial(_store_line, file)
        receiver = make_node(classifier, config, write)
        stop = threading.Event()
        for name in (signal.SIGTERM, signal.SIGINT):
            signal.signal(name, lambda *_: stop.set())
        bound = receiver.start()
        click.echo(
            f"tumorscope listens as {ae_title} on {host}:{bound} (Ctrl+C stops it)", err=True
        )
        click.echo(NOTICE, err=True)
        stop.wait()
        receiver.stop()


def _node_class() -> type[DicomNode]:
    try:
        from tumorscope.serving.dicom_node.node import DicomNode
    except ImportError as error:
        raise MissingExtraError(feature="The DICOM node", extra="dicom") from error
    return DicomNode


def _opened(output: Path) -> TextIO:
    try:
        return output.open("a", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{output} cannot be written ({error.strerror}).") from error


def _write_line(answer: Answer) -> None:
    click.echo(json.dumps(answer.to_dict()))


def _store_line(file: TextIO, answer: Answer) -> None:
    """Return when the line is on the disk: a sender relies on it."""
    file.write(json.dumps(answer.to_dict()) + "\n")
    file.flush()
    os.fsync(file.fileno())
