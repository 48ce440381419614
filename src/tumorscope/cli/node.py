"""``tumorscope node``."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Callable
from contextlib import closing, nullcontext, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any, Final

import click

from tumorscope.cli.options import (
    audit_option,
    model_option,
    operating_point_option,
    salt_option,
    threshold_option,
)
from tumorscope.cli.settings import config_option
from tumorscope.errors import UsageError, needs_extra
from tumorscope.imaging.limits import MEBIBYTE
from tumorscope.labels import NOTICE
from tumorscope.model.classifier import load_model
from tumorscope.serving.dicom.answer_file import AnswerFile
from tumorscope.serving.dicom.config import KIBIBYTE, NodeConfig
from tumorscope.system.own_process import no_core_dumps

if TYPE_CHECKING:
    from tumorscope.model.classifier import Classifier
    from tumorscope.serving.dicom.node import DicomNode
    from tumorscope.serving.dicom.store_and_forward import StoreAndForward


_LIMITS: Final = NodeConfig()
_Decorator = Callable[[Callable[..., Any]], Callable[..., Any]]
_REOPEN: Final = getattr(signal, "SIGHUP", None)
_STEP_S: Final = 0.5


def _limit(
    name: str, allowed: click.IntRange | click.FloatRange, told: str, *, unit: int = 1
) -> _Decorator:
    """Return an option that sets a bound of the same name of :class:`NodeConfig`, in its unit."""
    setting = name.strip("-").replace("-", "_") + ("_s" if name.endswith("-timeout") else "")
    default = getattr(_LIMITS, setting)
    return click.option(
        name,
        setting,
        default=default if unit == 1 else default // unit,
        show_default=True,
        type=allowed,
        help=told,
    )


@click.command()
@config_option
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
    "series_after_s",
    default=_LIMITS.series_after_s,
    show_default=True,
    type=click.FloatRange(0, 3600),
    help="Answer a series when no further slice has arrived for this many seconds.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="File to append answers to, as JSON Lines.  [default: standard output]",
)
@click.option(
    "--results",
    metavar="KINDS",
    help="Results to send back, with commas: sr (structured report), sc (secondary captures), pm "
    "(parametric map), seg (segmentation), pdf (document).  [default: sr,sc,pm,seg where there is "
    "a receiver]",
)
@click.option(
    "--send-to",
    multiple=True,
    metavar="AE@HOST:PORT",
    help="Receiver of the results by C-STORE; repeatable.",
)
@click.option(
    "--stow", multiple=True, metavar="URL", help="Receiver of the results by STOW-RS; repeatable."
)
@click.option(
    "--commitment",
    is_flag=True,
    help="Ask the receivers of --send-to for storage commitment, and keep each result until they "
    "commit to it. They report to this node, as accepted senders.",
)
@click.option(
    "--store",
    type=click.Path(file_okay=False, path_type=Path),
    help="Folder for images that wait for their answer and results that wait for their receiver. "
    "With it, or with a receiver, images are on the disk before the sender is told success.  "
    "[default: the user's state folder]",
)
@audit_option
@salt_option
@model_option
@operating_point_option
@threshold_option
@_limit("--max-associations", click.IntRange(1, 256), "Associations at a time.")
@_limit("--max-per-peer", click.IntRange(1, 256), "Associations at a time of one network address.")
@_limit(
    "--max-waiting",
    click.IntRange(1, 512),
    "Connections that have no association yet.",
)
@_limit("--max-pdu", click.IntRange(16, 1024), "KiB of one protocol data unit.", unit=KIBIBYTE)
@_limit("--max-dataset", click.IntRange(1, 512), "MiB of one data set.", unit=MEBIBYTE)
@_limit(
    "--max-receiving",
    click.IntRange(min=1),
    "MiB of all data sets that are being received.",
    unit=MEBIBYTE,
)
@_limit(
    "--association-timeout",
    click.FloatRange(0.1, 3600),
    "Seconds from the connection to the complete association request.",
)
@_limit("--transfer-timeout", click.FloatRange(0.1, 86400), "Seconds that one data set may take.")
@_limit(
    "--idle-timeout",
    click.FloatRange(0.1, 86400),
    "Seconds after which a silent sender is cut off.",
)
def node(
    *,
    output: Path | None,
    results: str | None,
    send_to: tuple[str, ...],
    stow: tuple[str, ...],
    commitment: bool,
    store: Path | None,
    model: Path | None,
    operating_point: str | None,
    threshold: float | None,
    max_pdu: int,
    max_dataset: int,
    max_receiving: int,
    **settings: Any,
) -> None:
    """Receive scans by DICOM C-STORE and answer them, until stopped.

    With --send-to or --stow, results go back into the study as DICOM objects.

    SIGTERM lets senders finish and answers the open series; SIGHUP reopens the answers' file.
    """
    config = NodeConfig(
        **settings,
        max_pdu=max_pdu * KIBIBYTE,
        max_dataset=max_dataset * MEBIBYTE,
        max_receiving=max_receiving * MEBIBYTE,
        takes_reports=commitment,
    )
    config.check()
    no_core_dumps()
    signals = _caught_signals()
    make_node = _node_class()
    classifier = load_model(model, operating_point=operating_point, threshold=threshold)
    with nullcontext() if output is None else closing(_opened(output)) as file:
        kept = None
        if send_to or stow or store or results or commitment:
            write = _write_lines if file is None else file.write_once
            kept = _store_and_forward(
                classifier, config, write, store=store, kinds=results, send_to=send_to, stow=stow
            )
        write_one = _write_line if file is None else file.write
        receiver = make_node(classifier, config, write_one, kept)
        bound = receiver.start()
        click.echo(
            f"tumorscope listens as {config.ae_title} on {config.host}:{bound} (Ctrl+C stops it)",
            err=True,
        )
        click.echo(NOTICE, err=True)
        while _next(signals) == _REOPEN:
            if file is not None:
                file.reopen()
        receiver.stop()


def _caught_signals() -> SimpleQueue[int]:
    """Return a queue of the signals that come from now on; none of them ends the process."""
    caught: SimpleQueue[int] = SimpleQueue()
    for name in (signal.SIGTERM, signal.SIGINT, *([] if _REOPEN is None else [_REOPEN])):
        # Unlike a lock, this queue may be used in the middle of itself.
        signal.signal(name, lambda number, _: caught.put(number))
    return caught


def _next(caught: SimpleQueue[int]) -> int:
    """Wait for a signal; in steps, for on Windows nothing interrupts a longer wait."""
    while True:
        with suppress(Empty):
            return caught.get(timeout=_STEP_S)


def _node_class() -> type[DicomNode]:
    with needs_extra("The DICOM node", "dicom"):
        from tumorscope.serving.dicom.node import DicomNode
    return DicomNode


def _opened(output: Path) -> AnswerFile:
    try:
        return AnswerFile(output)
    except OSError as error:
        raise UsageError(f"{output} cannot be written ({error.strerror}).") from error


def _store_and_forward(
    classifier: Classifier,
    config: NodeConfig,
    write: Callable[[list[str]], None],
    *,
    store: Path | None,
    kinds: str | None,
    send_to: tuple[str, ...],
    stow: tuple[str, ...],
) -> StoreAndForward:
    with needs_extra("Sending results", "dicom"):
        from tumorscope.serving.dicom.delivery import Receiver, StoreReceiver, StowReceiver
        from tumorscope.serving.dicom.results.make import parse_kinds
        from tumorscope.serving.dicom.store_and_forward import StoreAndForward
    receivers: list[Receiver] = [
        *(
            StoreReceiver.parse(one, calling=config.ae_title, commits=config.takes_reports)
            for one in send_to
        ),
        *(StowReceiver(one) for one in stow),
    ]
    if config.takes_reports and not send_to:
        raise UsageError("--commitment needs a receiver by C-STORE: --send-to AE@HOST:PORT.")
    if kinds and not receivers:
        raise UsageError("--results needs a receiver: --send-to AE@HOST:PORT or --stow URL.")
    return StoreAndForward(
        classifier,
        store or default_store(),
        after_s=config.series_after_s,
        write=write,
        kinds=parse_kinds(kinds or "sr,sc,pm,seg") if receivers else (),
        receivers=receivers,
    )


def default_store() -> Path:
    """Return where the store lies unless said otherwise."""
    given = os.environ.get("STATE_DIRECTORY")  # of systemd
    if given:
        return Path(given.partition(":")[0]) / "node"
    base = os.environ.get("XDG_STATE_HOME") or str(Path.home() / ".local" / "state")
    return Path(base) / "tumorscope" / "node"


def _write_lines(lines: list[str]) -> None:
    for line in lines:
        click.echo(line)


def _write_line(record: dict[str, Any]) -> None:
    click.echo(json.dumps(record))
