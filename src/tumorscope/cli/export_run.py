"""``tumorscope export-run``."""

from __future__ import annotations

from pathlib import Path

import click

from tumorscope.labels import NOTICE


@click.command()
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--to", type=click.Choice(["mlflow"]), required=True, help="Kind of tracking store.")
@click.option("--tracking-uri", required=True, help="MLflow tracking URI of a server or database.")
@click.option(
    "--experiment",
    default="tumorscope",
    show_default=True,
    help="Experiment name; created if it does not exist.",
)
@click.option(
    "--evaluation",
    "evaluations",
    multiple=True,
    type=click.Path(path_type=Path),
    help="Report folder of 'tumorscope evaluate', logged under its name; repeatable.",
)
@click.option("--weights", is_flag=True, help="Also store weights.npz.")
def export_run(
    run: Path,
    to: str,  # noqa: ARG001 - click refuses all but the one store
    tracking_uri: str,
    experiment: str,
    evaluations: tuple[Path, ...],
    weights: bool,
) -> None:
    """Log settings, hashes and metrics of the training run in folder RUN to a tracking store.

    Logging a run again adds what is new instead of a second entry.
    """
    from tumorscope.recipes.mlflow_export import export_to_mlflow

    run_id, is_new = export_to_mlflow(
        run,
        tracking_uri=tracking_uri,
        experiment=experiment,
        evaluations=evaluations,
        with_weights=weights,
    )
    click.echo(f"{run}: {'logged as' if is_new else 'is already there as'} {run_id}\n{NOTICE}")
