/** The content of one file into scans, told by its content and not by its name. */

import { Gunzip } from "fflate";

import { LIMITS } from "@/local/constants.gen";
import { ScanError, type Scan } from "@/local/imaging/scan";
import { contentOf, maxUnpacked, type Content, type Input } from "@/local/inputs/expand";
import { checkBytes, notRead, recognize } from "@/local/inputs/formats";

/** Formats that are also read from a gzip stream. */
const GZIPPED = ["DICOM", "NIfTI"];

export async function readInput(input: Input): Promise<Scan[]> {
  const content = await contentOf(input);
  checkBytes(content.length);
  return decodeContent(content, input.name);
}

export async function decodeContent(content: Content, name: string): Promise<Scan[]> {
  if (content.length === 0) {
    throw new ScanError("corrupt-image", "The file is empty (0 bytes).");
  }
  if (recognize(content) === "gzip") {
    const inside = gunzip(content);
    if (!GZIPPED.includes(recognize(inside) ?? "")) {
      throw new ScanError(
        "unsupported-format",
        `The gzip file holds no ${GZIPPED.join(" or ")}; unpack it and give what is inside.`,
      );
    }
    return readKind(inside, name);
  }
  return readKind(content, name);
}

async function readKind(content: Content, name: string): Promise<Scan[]> {
  const kind = recognize(content);
  // Each reader comes with its library, so none is loaded before it is needed.
  switch (kind) {
    case "PNG":
      return (await import("@/local/imaging/raster")).readPng(content, name);
    case "JPEG":
    case "BMP":
    case "WebP":
      return (await import("@/local/imaging/raster")).readByBrowser(content, name, kind);
    case "TIFF":
      return (await import("@/local/imaging/tiff")).readTiff(content, name);
    case "NIfTI":
      return (await import("@/local/imaging/nifti")).readNifti(content, name);
    case "DICOM":
      return (await import("@/local/imaging/dicom")).readDicom(content, name);
    case "zip":
      throw new ScanError(
        "unsupported-format",
        "A zip archive is not a single image, and archives inside archives are not opened; unpack it first.",
      );
    default:
      throw notRead(content, name);
  }
}

function gunzip(content: Content): Content {
  const allowed = Math.min(LIMITS.max_bytes, maxUnpacked(content.length));
  const parts: Uint8Array[] = [];
  let size = 0;
  const stream = new Gunzip((part) => {
    parts.push(part);
    size += part.length;
    if (size > allowed) {
      throw new ScanError(
        "image-too-large",
        `The gzip stream of ${content.length.toLocaleString("en")} bytes unpacks to more than ${allowed.toLocaleString("en")} bytes.`,
      );
    }
  });
  try {
    const step = 1 << 20;
    for (let start = 0; start < content.length; start += step) {
      stream.push(content.subarray(start, start + step), start + step >= content.length);
    }
  } catch (error) {
    if (error instanceof ScanError) throw error;
    throw new ScanError("corrupt-image", "The gzip stream is truncated or damaged.");
  }
  const whole = new Uint8Array(size);
  let place = 0;
  for (const part of parts) {
    whole.set(part, place);
    place += part.length;
  }
  return whole;
}
