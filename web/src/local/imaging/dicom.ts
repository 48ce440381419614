import { ScanError, type Scan } from "@/local/imaging/scan";

export function readDicom(_content: Uint8Array, _source: string): Scan[] {
  throw new ScanError("unsupported-format", "Not yet.");
}
