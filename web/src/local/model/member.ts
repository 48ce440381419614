import type { ImageAnswer } from "@/lib/api/types";
import type { SliceMember } from "@/local/imaging/scan";

/** A slice's answer with what its series needs of the scan. */
export interface Member {
  answer: ImageAnswer;
  seriesUid: string | null;
  studyUid: string | null;
  description: string | null;
  positionMm: number | null;
  member: SliceMember | null;
}
