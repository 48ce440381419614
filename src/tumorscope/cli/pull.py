"""``tumorscope pull``."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

import click
from msgspec.structs import replace

from tumorscope.answer import Answer, Failure, Prediction, SeriesPrediction, StudyPrediction
from tumorscope.cli.options import model_option, operating_point_option, threshold_option
from tumorscope.errors import MissingExtraError, UsageError
from tumorscope.labels import NOTICE
from tumorscope.model.classifier import load_model
from tumorscope.system.files import OWNER, check_output, whole_file

if TYPE_CHECKING:
    from tumorscope.model.classifier import Classifier
    from tumorscope.serving.dicom.delivery import StowReceiver
    from tumorscope.serving.dicom.pull import PulledSeries, Puller
    from tumorscope.serving.dicom.results.make import Result
    from tumorscope.serving.dicom.results.source import Kind, NoResultError

EXIT_SOME_FAILED: Final = 1


@click.command()
@click.argument("url", metavar="URL")
@click.option("--study", "studies", multiple=True, metavar="UID", help="A study; repeatable.")
@click.option("--patient-id", metavar="ID", help="Studies of a patient.")
@click.option(
    "--date", metavar="DATE[-DATE]", help="Studies of a day or range, such as 20260101-20260131."
)
@click.option("--accession", metavar="NUMBER", help="Studies of an accession number.")
@click.option(
    "--limit",
    default=100,
    show_default=True,
    type=click.IntRange(1, 100_000),
    help="Studies at most.",
)
@click.option(
    "--output",
    type=click.Path(dir_okay=False, path_type=Path),
    help="New file for the answers, as JSON Lines.  [default: standard output]",
)
@click.option(
    "--stow",
    metavar="URL",
    help="Send results back to this DICOMweb service by STOW-RS; it may be URL itself.",
)
@click.option(
    "--results",
    default="sr,sc,pm,seg",
    show_default=True,
    metavar="KINDS",
    help="Results for --stow: sr, sc, pm, seg, pdf.",
)
@model_option
@operating_point_option
@threshold_option
def pull(
    url: str,
    studies: tuple[str, ...],
    patient_id: str | None,
    date: str | None,
    accession: str | None,
    limit: int,
    output: Path | None,
    stow: str | None,
    results: str,
    model: Path | None,
    operating_point: str | None,
    threshold: float | None,
) -> None:
    """Fetch MR series from a PACS by DICOMweb and answer them.

    URL is that of the PACS's DICOMweb service. Images are removed once answered.

    Exit code 0: all series answered; 1: at least one could not be fetched, read or sent back; 2:
    wrong usage, or the PACS cannot be asked.
    """
    criteria = {"PatientID": patient_id, "StudyDate": date, "AccessionNumber": accession}
    filters = [{name: value for name, value in criteria.items() if value}]
    if studies:
        filters = [{**filters[0], "StudyInstanceUID": uid} for uid in studies]
    if not any(filters):
        raise UsageError(
            "Say which studies: --study, --patient-id, --date or --accession; all of a PACS are "
            "too many."
        )
    if output is not None:
        check_output(output, overwrite=False)
    puller, receiver, kinds = _parts(url, stow, results)
    classifier = load_model(model, operating_point=operating_point, threshold=threshold)
    file = whole_file(output, "w", permissions=OWNER) if output else nullcontext(sys.stdout)
    with file as stream:
        run = _Run(classifier, puller, receiver, kinds, stream)
        for one in filters:
            run.take(one, limit=limit)
    click.echo(f"{run.answered} series answered, {run.failed} failures. {NOTICE}", err=True)
    sys.exit(EXIT_SOME_FAILED if run.failed else 0)


def _parts(
    url: str, stow: str | None, results: str
) -> tuple[Puller, StowReceiver | None, tuple[Kind, ...]]:
    try:
        from tumorscope.serving.dicom.delivery import StowReceiver
        from tumorscope.serving.dicom.pull import Puller
        from tumorscope.serving.dicom.results.make import parse_kinds
    except ImportError as error:
        raise MissingExtraError(feature="tumorscope pull", extra="dicom") from error
    kinds = parse_kinds(results)
    return Puller(url), None if stow is None else StowReceiver(stow), kinds if stow else ()


class _Run:
    """Answers one series after the other; a failure is counted and the rest goes on."""

    def __init__(
        self,
        classifier: Classifier,
        puller: Puller,
        receiver: StowReceiver | None,
        kinds: tuple[Kind, ...],
        stream: IO[str],
    ) -> None:
        self._classifier, self._puller, self._receiver = classifier, puller, receiver
        self._kinds, self._stream = kinds, stream
        self.answered = self.failed = 0

    def take(self, filters: dict[str, str], *, limit: int) -> None:
        """Answer the series of the studies that fit."""
        from tumorscope.serving.dicom.pull import PullError

        for found in self._puller.find(filters, limit=limit):
            try:
                with self._puller.bring(found) as series:
                    self._answer(series)
            except PullError as error:
                self._tell(str(error))
            else:
                self.answered += 1

    def _answer(self, series: PulledSeries) -> None:
        from tumorscope.serving.dicom.results.collector import ResultCollector

        with ResultCollector(self._kinds) as collector:
            paths = list(series.images)
            for answer in self._classifier.predict_many(paths, heatmap=bool(self._kinds)):
                if isinstance(answer, Failure):
                    self.failed += 1
                self._stream.write(json.dumps(_named(answer, series).to_dict()) + "\n")
                if self._kinds:
                    collector.add(answer)
                if isinstance(answer, SeriesPrediction) and answer.series_instance_uid:
                    self._send(collector.results(answer.series_instance_uid, answer))
            for uid in collector.series():
                self._send(collector.results(uid))

    def _send(self, results: Iterable[Result | NoResultError]) -> None:
        from tumorscope.serving.dicom.delivery import DeliveryError
        from tumorscope.serving.dicom.results.source import NoResultError

        with tempfile.TemporaryDirectory(prefix="tumorscope-results-") as folder:
            paths = []
            for result in results:
                if isinstance(result, NoResultError):
                    click.echo(str(result), err=True)
                    continue
                paths.append(Path(folder) / result.name)
                result.dataset.save_as(paths[-1], enforce_file_format=True)
            if self._receiver is None or not paths:
                return
            try:
                self._receiver.send(paths, self._done)
            except DeliveryError as error:
                self._tell(f"{self._receiver.name}: {error}")

    def _done(self, _place: int, problem: Exception | None) -> None:
        if problem is not None:
            self._tell(f"A result was not stored: {problem}.")

    def _tell(self, message: str) -> None:
        self.failed += 1
        click.echo(message, err=True)


def _named(answer: Answer, series: PulledSeries) -> Answer:
    """Name an answer by identifiers, for its file is gone."""
    if isinstance(answer, SeriesPrediction):
        return replace(
            answer,
            source=series.found.series_instance_uid,
            most_suspicious=tuple(
                {**one, "source": series.images.get(Path(one["source"]), one["source"])}
                for one in answer.most_suspicious
            ),
        )
    if isinstance(answer, StudyPrediction):
        return answer
    name = series.images.get(Path(answer.source), answer.source)
    if isinstance(answer, Prediction):
        return replace(answer, source=name)
    return Failure(name, answer.error, answer.slice_index)
