/** A made-up model card of the service. */

import type { ModelCard } from "@/lib/api/types";
import { MODEL, NOTICE } from "@/testing/answers";

const estimate = (value: number, images = 100) => ({
  estimate: value,
  low: value - 0.05,
  high: value + 0.04,
  n_images: images,
  n_groups: 20,
});

const point = (sensitivity: number, specificity: number, images = 100) => ({
  sensitivity: estimate(sensitivity, images),
  specificity: estimate(specificity, images),
});

export function modelCard(part: Partial<ModelCard> = {}): ModelCard {
  return {
    model: MODEL,
    labels: ["tumor", "no_tumor"],
    tumor_types: ["glioma", "meningioma", "pituitary"],
    operating_points: { balanced: 0.5, rule_in: 0.8, rule_out: 0.1 },
    default_operating_point: "balanced",
    preprocessing: {},
    calibration: {},
    conformal: { coverage: 0.95, tumor: 0.33, no_tumor: 0.5 },
    input_check: {
      kind: "mahalanobis",
      threshold: 36.12,
      rejected: { "all kinds": estimate(0.9), hand: estimate(0.8) },
      rejected_brain_mr: estimate(0.06),
    },
    card: {
      evaluation: {
        n_images: 200,
        n_tumor: 100,
        n_groups: 40,
        operating_point: "balanced",
        sections: {
          overall: { "all images": { ...point(0.9, 0.92), roc_auc: estimate(0.95) } },
          operating_points: { balanced: point(0.9, 0.92), rule_in: point(0.8, 0.97) },
          by_set: { alpha: point(0.7, 0.9, 30), beta: point(0.95, 0.99, 70) },
          sensitivity_by_size: { "1: small": { sensitivity: estimate(0.75, 12) } },
          abstention: {
            "all images": { abstained: estimate(0.07), coverage_tumor: estimate(0.94) },
          },
          controls: { "outer frame only": { roc_auc: estimate(0.6) } },
        },
        reliability: [{ mean_score: 0.1, observed: estimate(0.12) }],
        decision_curve: [
          { threshold: 0.1, model: estimate(0.45), everyone: 0.44 },
          { threshold: 0.5, model: estimate(0.4), everyone: 0 },
        ],
        clinic_curve: {
          prevalence: 0.05,
          points: [{ threshold: 0.1, model: estimate(0.03), everyone: -0.06 }],
        },
        confusion: [
          [90, 10],
          [8, 92],
        ],
        examples: [
          { truth: "tumor", call: "no_tumor", set: "alpha", sequence: "T1", probability: 0.31 },
        ],
      },
      sources: {
        alpha: {
          set: "alpha",
          title: "The Alpha collection",
          origin: "A hospital.",
          licence: "CC0",
          is_confirmed: false,
          people: "Adults.",
          labels: "By one reader.",
          wrong: ["Slices repeat.", "No ages."],
          use: "No condition.",
        },
      },
      training: {
        data: {
          train: { images: 900, groups: 80, tumor: 500, no_tumor: 400, sets: { alpha: 900 } },
        },
      },
    },
    limits: {
      upload_bytes: 1,
      upload_files: 1,
      upload_slices: 1,
      job_bytes: 1_073_741_824,
      job_files: 5000,
      job_slices: 20_000,
      file_bytes: 268_435_456,
      image_pixels: 1,
      volume_voxels: 1,
      hold_seconds: 3600,
      keep_seconds: 3600,
      jobs: 16,
    },
    formats: ["PNG", "DICOM"],
    notice: NOTICE,
    ...part,
  };
}
