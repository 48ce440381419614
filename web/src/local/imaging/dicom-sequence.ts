/** Which MR sequence a DICOM header tells of: Python's formats/dicom_sequence.py. */

import {
  CONTRAST_NAME,
  DERIVED,
  FLAIR_INVERSION_MS,
  LONG_ECHO_MS,
  LONG_REPETITION_MS,
  NO_AGENT,
  NO_CONTRAST_NAME,
  SEQUENCE_OF_CONTRAST,
  SEQUENCE_WORDS,
  SHORT_ECHO_MS,
  SHORT_REPETITION_MS,
} from "@/local/constants.gen";
import type { Groups } from "@/local/imaging/dicom-geometry";
import type { Header, Keyword } from "@/local/imaging/dicom-header";
import type { SequenceName } from "@/local/imaging/scan";

const derived = new RegExp(DERIVED, "u");
const contrastName = new RegExp(CONTRAST_NAME, "u");
const noContrastName = new RegExp(NO_CONTRAST_NAME, "u");
const words = SEQUENCE_WORDS.map(([pattern, name]) => [new RegExp(pattern, "u"), name] as const);
const ofContrast: Partial<Record<string, SequenceName>> = SEQUENCE_OF_CONTRAST;

/** The sequence that a header tells of, or `null` where it is silent. */
export function headerSequence(header: Header, groups: Groups): SequenceName | null {
  const modality = header.term("Modality");
  if (modality !== null && modality !== "MR") return null;
  const owners = [header, ...groups.owners];
  const sequence = byContrast(owners) ?? byKind(owners) ?? byNames(header) ?? byTimes(owners);
  return sequence === "T1" && hasContrast(header) ? "T1+C" : sequence;
}

function byContrast(owners: Header[]): SequenceName | null {
  const found = owners.map((one) => ofContrast[one.term("AcquisitionContrast") ?? ""]);
  return found.find((one) => one !== undefined) ?? null;
}

function byKind(owners: Header[]): SequenceName | null {
  const isOther = owners.some((one) => {
    const kind = one.joined("ImageType") ?? one.joined("FrameType") ?? "";
    return derived.test(kind.toUpperCase()) || (one.number("DiffusionBValue") ?? 0) > 0;
  });
  return isOther ? "other" : null;
}

function byNames(header: Header): SequenceName | null {
  for (const keyword of ["SeriesDescription", "ProtocolName"] as const) {
    const name = nameOf(header, keyword);
    const found = words.find(([pattern]) => pattern.test(name));
    if (found) return found[1];
  }
  return null;
}

function byTimes(owners: Header[]): SequenceName | null {
  const echo = firstNumber(owners, ["EchoTime", "EffectiveEchoTime"]);
  const repetition = firstNumber(owners, ["RepetitionTime"]);
  const inversion = firstNumber(owners, ["InversionTime", "InversionTimes"]) ?? 0;
  if (echo === null || repetition === null) return null;
  if (echo >= LONG_ECHO_MS && repetition >= LONG_REPETITION_MS) {
    return inversion >= FLAIR_INVERSION_MS ? "FLAIR" : "T2";
  }
  // MPRAGE repeats slowly.
  const isPrepared = inversion > 0 && inversion < FLAIR_INVERSION_MS;
  const isShort = echo <= SHORT_ECHO_MS && (repetition <= SHORT_REPETITION_MS || isPrepared);
  return isShort ? "T1" : null;
}

function hasContrast(header: Header): boolean {
  const name = nameOf(header, "SeriesDescription");
  if (noContrastName.test(name)) return false;
  const agent = (header.joined("ContrastBolusAgent") ?? "").trim().toLowerCase();
  return !(NO_AGENT as readonly string[]).includes(agent) || contrastName.test(name);
}

function nameOf(header: Header, keyword: Keyword): string {
  return (header.joined(keyword) ?? "").toLowerCase().replaceAll("_", " ");
}

function firstNumber(owners: Header[], keywords: Keyword[]): number | null {
  const found = owners.flatMap((owner) => keywords.map((keyword) => owner.number(keyword)));
  return found.find((one) => one !== null) ?? null;
}
