"""``tumorscope``: the verbs, each imported only when it is called."""

from __future__ import annotations

import importlib
import io
import logging
import sys
import warnings
from typing import Final, NoReturn, TextIO

import click

from tumorscope.cli.settings import PREFIX
from tumorscope.errors import ArtifactWarning, TumorscopeError
from tumorscope.labels import NOTICE
from tumorscope.system.error_stream import StderrHandler

_VERBS: Final = {
    "predict": ("tumorscope.cli.predict:predict", "Classify scans: files, folders, zips."),
    "batch": ("tumorscope.cli.batch:batch", "Classify an archive into a Parquet table."),
    "serve": ("tumorscope.cli.serve:serve", "Serve the HTTP API and web page."),
    "demo": ("tumorscope.cli.demo:demo", "Serve the page with the model inside the browser."),
    "config": ("tumorscope.cli.config:config", "Check and show the settings of serve and node."),
    "keys": ("tumorscope.cli.keys:keys", "Manage the API keys of the service."),
    "purge": ("tumorscope.cli.keeping:purge", "Delete jobs of a study, a patient or an age."),
    "backup": ("tumorscope.cli.keeping:backup", "Back up jobs, keys and salt."),
    "restore": ("tumorscope.cli.keeping:restore", "Put a backup back."),
    "audit": ("tumorscope.cli.audit:audit", "Check and read the log of who did what."),
    "node": ("tumorscope.cli.node:node", "Run a DICOM node that answers received scans."),
    "pull": ("tumorscope.cli.pull:pull", "Fetch series from a PACS and answer them."),
    "worklist": ("tumorscope.cli.worklist:worklist", "List answered studies, suspicious first."),
    "data": ("tumorscope.cli.data:data", "Curate collections: findings and manifests."),
    "train": ("tumorscope.cli.train:train", "Fine-tune VGG16 on a manifest; resumable."),
    "prune": ("tumorscope.cli.prune:prune", "Prune a trained network to fewer filters."),
    "deidentify": (
        "tumorscope.cli.deidentify:deidentify",
        "Copy DICOM images without what identifies a patient.",
    ),
    "evaluate": ("tumorscope.cli.evaluate:evaluate", "Measure a model, with intervals."),
    "monitor": ("tumorscope.cli.monitor:monitor", "Tell whether the intake has drifted."),
    "readers": ("tumorscope.cli.readers:readers", "Compare readers with and without help."),
    "calibrate": ("tumorscope.cli.calibrate:calibrate", "Recalibrate a model on local cases."),
    "export": ("tumorscope.cli.export:export", "Export a training run as an artifact."),
    "export-run": ("tumorscope.cli.export_run:export_run", "Log a training run to MLflow."),
    "input-check": (
        "tumorscope.cli.input_check:input_check",
        "Refit the check that rejects other images.",
    ),
    "model": ("tumorscope.cli.model:model", "Show a model card."),
    "samples": ("tumorscope.cli.samples:samples", "Write synthetic sample slices."),
}
_RENAMED: Final = {"gate": "input-check", "narrow": "prune"}
"""Names of the version before, which still work."""

EXIT_USAGE: Final = 2

_LOGGER: Final = logging.getLogger("tumorscope")

_PLAIN_WARNING: Final = warnings.showwarning


class _LazyGroup(click.Group):
    """A group that imports a verb when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the verbs in the order of their use."""
        return list(_VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one verb."""
        if cmd_name in _RENAMED:
            _LOGGER.warning("'%s' is now called '%s'.", cmd_name, _RENAMED[cmd_name])
            cmd_name = _RENAMED[cmd_name]
        if cmd_name not in _VERBS:
            return None
        module, _, attribute = _VERBS[cmd_name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in _VERBS.items()])


@click.command(
    cls=_LazyGroup,
    context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": PREFIX},
    epilog=NOTICE,
)
@click.version_option(package_name="tumorscope")
def cli() -> None:
    """Brain-tumor classifier for MR images."""


def main() -> None:
    """Run the command line.

    Errors raised on purpose, and files that the system does not let us write, end it with one
    clear line and code 2.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal has every letter
    _log_to_stderr()
    warnings.showwarning = _show_warning
    try:
        cli.main(standalone_mode=True)
    except TumorscopeError as error:
        _fail(str(error))
    except OSError as error:
        place = "" if error.filename is None else f" {error.filename}"
        _fail(f"Cannot read or write{place}: {error.strerror or error}.")


def _fail(message: str) -> NoReturn:
    from tumorscope.cli.own_command import as_typed
    from tumorscope.imaging.inputs.sources import label

    # A path in it may hold control characters.
    click.echo(f"tumorscope: {label(as_typed(message))}", err=True)
    sys.exit(EXIT_USAGE)


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Print a warning of ours as one line, as errors are; leave others as they were."""
    if issubclass(category, ArtifactWarning):
        logging.getLogger("tumorscope").warning("%s", message)
    else:
        _PLAIN_WARNING(message, category, filename, lineno, file, line)


def _log_to_stderr() -> None:
    handler = StderrHandler()
    handler.setFormatter(logging.Formatter("tumorscope: %(message)s"))
    logger = logging.getLogger("tumorscope")
    logger.handlers = [handler]
    logger.setLevel(logging.INFO)
