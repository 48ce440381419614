"""What the audit log says of an association: who, when, which studies, and how it ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from tumorscope.answer import Answer, Failure, ModelIdentity
from tumorscope.errors import AuditError
from tumorscope.serving.audit_log import AuditLog, count_studies
from tumorscope.serving.dicom.config import NodeConfig
from tumorscope.serving.dicom.places import LOG, Place
from tumorscope.serving.pseudonyms import read_pseudonyms


class NodeAuditor:
    """Writes the entries of one node, where it has an audit log.

    Parameters
    ----------
    config
        Says where the log and the salt are.
    model
        That answers.
    """

    def __init__(self, config: NodeConfig, model: ModelIdentity) -> None:
        self._log = None if config.audit_log is None else AuditLog(config.audit_log)
        self._model = " ".join(model.to_dict().values())
        self._studies: dict[Place, set[str]] = {}
        self._outcomes: dict[Place, Counter[str]] = {}
        if config.audit_log is not None:
            self._pseudonyms = read_pseudonyms(config.salt or config.audit_log.with_name("salt"))

    def begin(self, place: Place) -> None:
        """Write that an association began; one that cannot be written down is cut."""
        if self._log is None:
            return
        self._studies[place], self._outcomes[place] = set(), Counter()
        if self._written("association-begin", place):
            place.ended = lambda: self._end(place)
        else:
            place.cut()

    def answered(self, place: Place, study: str | None, answers: Iterable[Answer]) -> None:
        """Note the answers for one instance."""
        if place not in self._outcomes:
            return
        if study is not None:
            self._studies[place].add(self._pseudonyms.of("study", study))
        self._outcomes[place].update(
            "error" if isinstance(one, Failure) else one.outcome for one in answers
        )

    def _end(self, place: Place) -> None:
        self._written(
            "association-end",
            place,
            **count_studies(self._studies.pop(place)),
            model=self._model,
            outcomes=dict(self._outcomes.pop(place)),
            stored=place.stored,
            refused=place.refused,
        )

    def _written(self, verb: str, place: Place, **details: object) -> bool:
        if self._log is None:
            return True
        try:
            self._log.write(verb, by=f"AE {place.calling}", address=place.address, **details)
        except (OSError, AuditError) as error:
            LOG.error("the audit log cannot be written: %s", error)
            return False
        return True
