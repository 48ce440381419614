// Made by python -m tumorscope.columns; do not edit.

export interface Column {
  readonly name: string;
  /** Keys and positions from the answer down to the value. */
  readonly path: readonly (string | number)[];
}

/** Columns of a table of answers, as in `tumorscope predict --format csv`. */
export const ANSWER_COLUMNS: readonly Column[] = [
  { name: "kind", path: ["kind"] },
  { name: "source", path: ["source"] },
  { name: "slice_index", path: ["slice_index"] },
  { name: "sop_instance_uid", path: ["sop_instance_uid"] },
  { name: "series_instance_uid", path: ["series_instance_uid"] },
  { name: "study_instance_uid", path: ["study_instance_uid"] },
  { name: "series_description", path: ["series_description"] },
  { name: "outcome", path: ["outcome"] },
  { name: "probability_tumor", path: ["probabilities", "tumor"] },
  { name: "probability_no_tumor", path: ["probabilities", "no_tumor"] },
  { name: "probability_glioma", path: ["type_probabilities", "glioma"] },
  { name: "probability_meningioma", path: ["type_probabilities", "meningioma"] },
  { name: "probability_pituitary", path: ["type_probabilities", "pituitary"] },
  { name: "prediction_set", path: ["prediction_set"] },
  { name: "reasons", path: ["reasons"] },
  { name: "operating_point", path: ["operating_point", "name"] },
  { name: "threshold", path: ["operating_point", "threshold"] },
  { name: "sequence_name", path: ["sequence", "name"] },
  { name: "sequence_probability", path: ["sequence", "probability"] },
  { name: "sequence_from", path: ["sequence", "from"] },
  { name: "plane", path: ["plane"] },
  { name: "peak_row", path: ["localization", "peak", 0] },
  { name: "peak_column", path: ["localization", "peak", 1] },
  { name: "box_row0", path: ["localization", "box", 0] },
  { name: "box_column0", path: ["localization", "box", 1] },
  { name: "box_row1", path: ["localization", "box", 2] },
  { name: "box_column1", path: ["localization", "box", 3] },
  { name: "slices", path: ["slices"] },
  { name: "failed_slices", path: ["failed_slices"] },
  { name: "notes", path: ["notes"] },
  { name: "model_id", path: ["model", "id"] },
  { name: "model_version", path: ["model", "version"] },
  { name: "model_sha256", path: ["model", "sha256"] },
  { name: "error_type", path: ["error", "type"] },
  { name: "error_title", path: ["error", "title"] },
  { name: "error_detail", path: ["error", "detail"] },
  { name: "notice", path: ["notice"] },
];

/** Between the items of a list in a cell. */
export const LIST_SEPARATOR = "; ";
