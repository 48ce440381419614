"""The application: its parts put together."""

from __future__ import annotations

from typing import Final

from flask import Flask

from tumorscope.model.classifier import Classifier, load_model
from tumorscope.serving.http_api.base import problems
from tumorscope.serving.http_api.base.api_keys import KeyRing
from tumorscope.serving.http_api.base.config import ServerConfig
from tumorscope.serving.http_api.base.under_path import UnderPath, check_path
from tumorscope.serving.http_api.edge import guard
from tumorscope.serving.http_api.edge.admission import Admission
from tumorscope.serving.http_api.edge.auditing import Auditor
from tumorscope.serving.http_api.edge.early_refusal import EarlyRefusal
from tumorscope.serving.http_api.edge.rate_limit import RateLimit
from tumorscope.serving.http_api.edge.uploads import UploadRequest
from tumorscope.serving.http_api.jobs.job_runner import JobRunner
from tumorscope.serving.http_api.jobs.job_store import JobStore
from tumorscope.serving.http_api.jobs.service import EXTENSION, Service
from tumorscope.serving.http_api.routes import (
    docs_page,
    health,
    jobs,
    model_card,
    predictions,
    samples,
    scrape,
)
from tumorscope.serving.http_api.routes.page import page_blueprint
from tumorscope.serving.http_api.schemas import openapi

PREFIX: Final = "/api/v1"


def create_app(config: ServerConfig, *, classifier: Classifier | None = None) -> Flask:
    """Build the service and start to work jobs off.

    Parameters
    ----------
    config
        Bounds, spool, keys.
    classifier
        By default loaded from ``config.model``.

    Raises
    ------
    UsageError
        If the service would be open to a network without an API key.
    ArtifactError
        If the model cannot be used.
    """
    config.check()
    if classifier is None:
        classifier = load_model(config.model, threads=config.threads)
    admission = Admission(max_in_flight=config.max_in_flight, max_computing=config.max_computing)
    store = JobStore(config)
    auditor = Auditor(config)
    runner = JobRunner(config, store, classifier, admission, auditor)
    keys = None if config.api_keys is None else KeyRing(config.api_keys)
    limit = None if config.rate_limit is None else RateLimit(config.rates_file, config.rate_limit)
    app = _routes(config, keys, auditor=auditor, limit=limit)
    app.extensions[EXTENSION] = Service(config, classifier, admission, store, runner)
    early = EarlyRefusal(app.wsgi_app, f"{PREFIX}/predictions", config, keys, admission)
    outer = UnderPath(early, root_path=check_path(config.root_path), proxies=config.proxies)
    app.wsgi_app = outer  # type: ignore[method-assign]  # as Flask's documentation wraps it
    runner.start()
    return app


def close_app(app: Flask) -> None:
    """Give the job at hand back to the queue and close the spool."""
    service: Service = app.extensions[EXTENSION]
    service.runner.stop()
    service.store.close()


def create_documented_app() -> Flask:
    """Return the routes alone, to be described; they cannot answer."""
    config = ServerConfig()
    return _routes(config, None, auditor=Auditor(config), limit=None)


def _routes(
    config: ServerConfig, keys: KeyRing | None, *, auditor: Auditor, limit: RateLimit | None
) -> Flask:
    app = Flask("tumorscope.serving", static_folder=None)
    app.request_class = UploadRequest
    app.json.ensure_ascii = False  # type: ignore[attr-defined]  # of Flask's default provider
    app.json.sort_keys = False  # type: ignore[attr-defined]
    problems.register(app)
    guard.register(app, config, keys, auditor=auditor, limit=limit)
    for part in (predictions, jobs, model_card, samples, openapi):
        app.register_blueprint(part.blueprint, url_prefix=PREFIX)
    app.register_blueprint(health.blueprint)
    app.register_blueprint(scrape.blueprint)
    app.register_blueprint(docs_page.blueprint)
    app.register_blueprint(page_blueprint(config.static))
    return app
