/** Stored pixels of a DICOM file, frame by frame: Python's formats/dicom_pixels.py. */

import dicomParser from "dicom-parser";

import { SYNTAX_NAMES } from "@/local/constants.gen";
import {
  decodeFrame,
  decodeLossless,
  decodeRle,
  type CodecName,
  type DecodedFrame,
} from "@/local/imaging/dicom-codecs";
import { isLittle, type Header } from "@/local/imaging/dicom-header";
import {
  inPlace,
  interleaved,
  valuesOf,
  withSign,
  type Description,
} from "@/local/imaging/dicom-samples";
import { ScanError } from "@/local/imaging/scan";

/** Stored values, samples interleaved. */
export interface StoredFrame {
  values: Float64Array;
  samples: number;
  isFloat: boolean;
  /** The decoder has turned luma and chroma to red, green and blue. */
  isConverted: boolean;
}

const RLE = "1.2.840.10008.1.2.5";
const LOSSLESS = ["1.2.840.10008.1.2.4.57", "1.2.840.10008.1.2.4.70"];
const JPEG = ["1.2.840.10008.1.2.4.50", "1.2.840.10008.1.2.4.51"];
const CODEC_OF: Partial<Record<string, CodecName>> = {
  "1.2.840.10008.1.2.4.80": "JpegLSDecoder",
  "1.2.840.10008.1.2.4.81": "JpegLSDecoder",
  "1.2.840.10008.1.2.4.90": "J2KDecoder",
  "1.2.840.10008.1.2.4.91": "J2KDecoder",
};
/** Uncompressed, deflated and with the most significant byte first. */
const PLAIN = [
  "1.2.840.10008.1.2",
  "1.2.840.10008.1.2.1",
  "1.2.840.10008.1.2.1.99",
  "1.2.840.10008.1.2.2",
];
const DEEP_JPEG_BITS = 8;

export function describe(header: Header): Description {
  const samples = header.whole("SamplesPerPixel", 1);
  const length = header.element("PixelData")?.length ?? 0;
  const shape = {
    rows: header.whole("Rows"),
    columns: header.whole("Columns"),
    // 0 is written for one, too.
    frames: header.whole("NumberOfFrames", 1) || 1,
  };
  const count = shape.rows * shape.columns * samples * shape.frames;
  const guessed = length > 0 && length < 2 * count ? 8 : 16;
  const bits = header.whole("BitsAllocated") || guessed;
  const stored = Math.min(header.whole("BitsStored") || bits, bits);
  const isSigned = header.whole("PixelRepresentation") === 1;
  return {
    ...shape,
    samples,
    bits,
    stored,
    highBit: header.whole("HighBit", stored - 1),
    isSigned,
    isPlanar: samples > 1 && header.whole("PlanarConfiguration") === 1,
    photometric: photometricOf(header, samples),
    padding: paddingRange(header, bits, isSigned),
  };
}

/** A picture of one sample has a palette, or is grey, whatever word the file has for it. */
function photometricOf(header: Header, samples: number): string {
  const stated = header.term("PhotometricInterpretation")?.replaceAll(" ", "") ?? "";
  if (stated === "PALETTECOLOR") return "PALETTE COLOR";
  if (samples === 1) return stated === "MONOCHROME1" ? stated : "MONOCHROME2";
  return stated || (samples === 3 ? "RGB" : "MONOCHROME2");
}

function paddingRange(header: Header, bits: number, isSigned: boolean): [number, number] | null {
  const value = header.number("PixelPaddingValue");
  if (value === null) return null;
  // The header may give the same bits with another sign.
  const [low = 0, high = 0] = [value, header.number("PixelPaddingRangeLimit") ?? value]
    .map((one) => asStored(one, bits, isSigned))
    .toSorted((a, b) => a - b);
  return [low, high];
}

function asStored(value: number, bits: number, isSigned: boolean): number {
  const size = 2 ** bits;
  const positive = ((value % size) + size) % size;
  return isSigned && positive >= size / 2 ? positive - size : positive;
}

export async function* storedFrames(
  header: Header,
  syntax: string,
  description: Description,
): AsyncGenerator<StoredFrame> {
  const { frames } = description;
  for (let index = 0; index < frames; index += 1) {
    try {
      yield PLAIN.includes(syntax)
        ? plainFrame(header, description, index)
        : await compressedFrame(header, syntax, description, index);
    } catch (error) {
      if (error instanceof ScanError) throw error;
      throw new ScanError(
        "corrupt-image",
        `The DICOM pixel data (${syntaxName(syntax)}) cannot be decoded; they are truncated, damaged or of an unsupported kind.`,
      );
    }
  }
}

export function syntaxName(syntax: string): string {
  const name = (SYNTAX_NAMES as Partial<Record<string, string>>)[syntax];
  return name ? `${name} (${syntax})` : syntax;
}

function plainFrame(header: Header, description: Description, index: number): StoredFrame {
  const floats = header.element("FloatPixelData") ?? header.element("DoubleFloatPixelData");
  const element = header.element("PixelData") ?? floats;
  if (!element) throw new Error("no pixels");
  const bits = header.has("DoubleFloatPixelData")
    ? 64
    : header.has("FloatPixelData")
      ? 32
      : description.bits;
  const size = (description.rows * description.columns * description.samples * bits) / 8;
  const start = element.dataOffset + index * size;
  if ((index + 1) * size > element.length || !Number.isInteger(size)) throw new Error("truncated");
  const bytes = header.dataSet.byteArray.slice(start, start + size) as Uint8Array<ArrayBuffer>;
  const values = valuesOf(bytes, {
    bits,
    isSigned: description.isSigned,
    isFloat: !header.has("PixelData"),
    isLittle: isLittle(header.dataSet),
  });
  if (!header.has("PixelData")) return { values, samples: 1, isFloat: true, isConverted: false };
  const own = { ...description, bits };
  return { ...interleaved(inPlace(values, own), own), isFloat: false, isConverted: false };
}

async function compressedFrame(
  header: Header,
  syntax: string,
  description: Description,
  index: number,
): Promise<StoredFrame> {
  const encoded = encodedFrame(header, description, index);
  const decoded = await decoderOf(syntax, description)(encoded);
  if (decoded.rows !== description.rows || decoded.columns !== description.columns) {
    throw new ScanError(
      "corrupt-image",
      `The DICOM file says it has ${description.rows} rows and ${description.columns} columns, its compressed frame ${decoded.rows} and ${decoded.columns}; the file is damaged.`,
    );
  }
  const isOfBytes = decoded.bytes.length === decoded.rows * decoded.columns * decoded.samples;
  const values = valuesOf(decoded.bytes, {
    bits: isOfBytes ? 8 : 16,
    isSigned: description.isSigned,
    isFloat: false,
    isLittle: true,
  });
  // Streams of JPEG hold values and not bits in a place, but their sign may lie within the word.
  const own =
    syntax === RLE
      ? inPlace(values, description)
      : withSign(values, description, isOfBytes ? 8 : 16);
  const isConverted = JPEG.includes(syntax);
  return { values: own, samples: decoded.samples, isFloat: false, isConverted };
}

function decoderOf(
  syntax: string,
  { rows, columns, samples, bits, stored }: Description,
): (encoded: Uint8Array) => Promise<DecodedFrame> {
  if (syntax === RLE) {
    return (encoded) => Promise.resolve(decodeRle(encoded, { rows, columns, samples, bits }));
  }
  if (LOSSLESS.includes(syntax)) return (encoded) => decodeLossless(encoded, bits);
  const codec = CODEC_OF[syntax];
  if (codec) return (encoded) => decodeFrame(codec, encoded);
  if (JPEG.includes(syntax) && stored <= DEEP_JPEG_BITS) {
    return (encoded) => decodeFrame("JPEGDecoder", encoded);
  }
  throw new ScanError(
    "unsupported-format",
    `The DICOM transfer syntax ${syntaxName(syntax)} cannot be decoded here; convert the file to an uncompressed or a JPEG 2000 transfer syntax.`,
  );
}

function encodedFrame(header: Header, { frames }: Description, index: number): Uint8Array {
  const element = header.element("PixelData");
  if (!element?.fragments) throw new Error("not encapsulated");
  const { dataSet } = header;
  const fragments = element.fragments.length;
  if (frames === 1) {
    return dicomParser.readEncapsulatedPixelDataFromFragments(
      dataSet,
      element,
      0,
      fragments,
    ) as Uint8Array;
  }
  if (fragments === frames) {
    return dicomParser.readEncapsulatedPixelDataFromFragments(
      dataSet,
      element,
      index,
      1,
    ) as Uint8Array;
  }
  const table = element.basicOffsetTable?.length
    ? element.basicOffsetTable
    : dicomParser.createJPEGBasicOffsetTable(dataSet, element);
  return dicomParser.readEncapsulatedImageFrame(dataSet, element, index, table) as Uint8Array;
}
