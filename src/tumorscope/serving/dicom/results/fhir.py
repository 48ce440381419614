"""The answer as FHIR R5 resources: a DiagnosticReport with its Observation, in a bundle."""

from __future__ import annotations

import uuid
from typing import Any, Final

from tumorscope import __version__
from tumorscope.answer import Prediction, SeriesPrediction
from tumorscope.labels import NOTICE

_CODES: Final = "urn:tumorscope:codes"
_UCUM: Final = "http://unitsofmeasure.org"
_DICOM_UID: Final = "urn:dicom:uid"
_SPACE: Final = uuid.UUID("5a9b3c1e-1f0a-5e53-8b5f-9a3f1f8f7c11")
"""Of identifiers by name: the same answer gives the same resources."""

_INTERPRETATIONS: Final = {
    "tumor": ("POS", "Positive"),
    "no_tumor": ("NEG", "Negative"),
    "abstain": ("IND", "Indeterminate"),
}


def fhir_bundle(answer: SeriesPrediction | Prediction) -> dict[str, Any]:
    """Return a bundle of type collection; preliminary, and without a patient.

    The receiver knows the patient by the study.

    Parameters
    ----------
    answer
        Of a series or an image.
    """
    observation, report, device = (
        _uuid(answer, part) for part in ("observation", "report", "device")
    )
    resources = {
        report: _report(answer, observation),
        observation: _observation(answer, device),
        device: _device(answer),
    }
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"fullUrl": url, "resource": one} for url, one in resources.items()],
    }


def _report(answer: SeriesPrediction | Prediction, observation: str) -> dict[str, Any]:
    report = {
        "resourceType": "DiagnosticReport",
        "status": "preliminary",
        "code": {"text": "Brain tumor classifier, research use only"},
        "conclusion": f"Outcome {answer.outcome} at operating point {answer.operating_point.name}. "
        f"{NOTICE}",
        "result": [{"reference": observation}],
    }
    if answer.study_instance_uid:
        report["study"] = [_study(answer.study_instance_uid)]
    return report


def _observation(answer: SeriesPrediction | Prediction, device: str) -> dict[str, Any]:
    observation: dict[str, Any] = {
        "resourceType": "Observation",
        "status": "preliminary",
        "code": _concept("P_TUMOR", "Probability of tumor"),
        "device": {"reference": device},
        "note": [{"text": text} for text in (NOTICE, *answer.reasons, *answer.notes)],
        "component": [
            {
                "code": _concept("OUTCOME", "Outcome at the operating point"),
                "valueString": answer.outcome,
            },
            {
                "code": _concept("THRESHOLD", "Threshold of the operating point"),
                "valueQuantity": _one(answer.operating_point.threshold),
            },
            *(
                {
                    "code": _concept(
                        f"P_{name.upper()}"[:16], f"Probability of {name} if there is a tumor"
                    ),
                    "valueQuantity": _one(float(str(value))),
                }
                for name, value in (answer.type_probabilities or {}).items()
            ),
        ],
    }
    if answer.probabilities is None:
        observation["dataAbsentReason"] = {"text": "The input does not look like a brain MR image."}
    else:
        observation["valueQuantity"] = _one(answer.probabilities["tumor"])
    if answer.outcome in _INTERPRETATIONS:
        code, display = _INTERPRETATIONS[answer.outcome]
        system = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
        observation["interpretation"] = [
            {"coding": [{"system": system, "code": code, "display": display}]}
        ]
    if answer.series_instance_uid:
        observation["derivedFrom"] = [_study(answer.series_instance_uid)]
    return observation


def _device(answer: SeriesPrediction | Prediction) -> dict[str, Any]:
    return {
        "resourceType": "Device",
        "manufacturer": "tumorscope",
        "serialNumber": answer.model.sha256,
        "name": [{"value": answer.model.id, "type": "registered-name"}],
        "version": [{"value": answer.model.version}, {"value": f"tumorscope {__version__}"}],
    }


def _study(uid: str) -> dict[str, Any]:
    return {
        "type": "ImagingStudy",
        "identifier": {"system": _DICOM_UID, "value": f"urn:oid:{uid}"},
    }


def _concept(code: str, display: str) -> dict[str, Any]:
    return {"coding": [{"system": _CODES, "code": code, "display": display}], "text": display}


def _one(value: float) -> dict[str, Any]:
    return {"value": float(value), "system": _UCUM, "code": "1"}


def _uuid(answer: SeriesPrediction | Prediction, part: str) -> str:
    name = [part, answer.model.sha256, repr(answer.operating_point), repr(answer.probabilities)]
    name += [str(answer.series_instance_uid), str(answer.study_instance_uid), answer.source]
    return uuid.uuid5(_SPACE, "\0".join(name)).urn
