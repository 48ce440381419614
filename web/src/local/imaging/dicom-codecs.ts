/** Compressed DICOM frames, by the decoders of Cornerstone and others; each comes when it is needed. */

import charlsUrl from "@cornerstonejs/codec-charls/decodewasm?url";
import jpegUrl from "@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasm?url";
import openjpegUrl from "@cornerstonejs/codec-openjpeg/decodewasm?url";

/** A frame as decoded: samples in the machine's byte order, interleaved. */
export interface DecodedFrame {
  bytes: Uint8Array<ArrayBuffer>;
  rows: number;
  columns: number;
  samples: number;
  bits: number;
}

interface FrameInfo {
  width: number;
  height: number;
  bitsPerSample: number;
  componentCount: number;
}

/** The shape that all of Cornerstone's decoders share. */
interface Decoder {
  getEncodedBuffer: (length: number) => Uint8Array;
  getDecodedBuffer: () => Uint8Array;
  decode: () => void;
  getFrameInfo: () => FrameInfo;
  delete: () => void;
}

type Factory = (options: {
  locateFile: () => string;
}) => Promise<Record<string, new () => Decoder>>;

const loaded = new Map<string, Promise<Record<string, new () => Decoder>>>();

const CODECS = {
  JPEGDecoder: {
    url: jpegUrl,
    load: () => import("@cornerstonejs/codec-libjpeg-turbo-8bit/decodewasmjs"),
  },
  JpegLSDecoder: {
    url: charlsUrl,
    load: () => import("@cornerstonejs/codec-charls/decodewasmjs"),
  },
  J2KDecoder: {
    url: openjpegUrl,
    load: () => import("@cornerstonejs/codec-openjpeg/decodewasmjs"),
  },
} as const;

export type CodecName = keyof typeof CODECS;

export async function decodeFrame(name: CodecName, encoded: Uint8Array): Promise<DecodedFrame> {
  const { url, load } = CODECS[name];
  let library = loaded.get(name);
  if (!library) {
    library = load().then(({ default: factory }) =>
      (factory as Factory)({ locateFile: () => new URL(url, import.meta.url).href }),
    );
    loaded.set(name, library);
    library.catch(() => loaded.delete(name));
  }
  const Kind = (await library)[name];
  if (!Kind) throw new Error(`The library has no ${name}.`);
  const decoder = new Kind();
  try {
    decoder.getEncodedBuffer(encoded.length).set(encoded);
    decoder.decode();
    const { width, height, bitsPerSample, componentCount } = decoder.getFrameInfo();
    return {
      bytes: Uint8Array.from(decoder.getDecodedBuffer()),
      rows: height,
      columns: width,
      samples: componentCount,
      bits: bitsPerSample,
    };
  } finally {
    decoder.delete();
  }
}

/** JPEG process 14, with and without selection value 1. */
export async function decodeLossless(encoded: Uint8Array, bits: number): Promise<DecodedFrame> {
  const { Decoder } = await import("jpeg-lossless-decoder-js");
  const decoder = new Decoder();
  const buffer = encoded.slice().buffer;
  const width = bits <= 8 ? 1 : 2;
  const found = decoder.decode(buffer, 0, buffer.byteLength, width) as
    ArrayBuffer | { buffer: ArrayBuffer; byteOffset: number; byteLength: number };
  const bytes =
    found instanceof ArrayBuffer
      ? new Uint8Array(found)
      : new Uint8Array(found.buffer, found.byteOffset, found.byteLength);
  const { dimX, dimY } = decoder.frame;
  const samples = Math.max(1, Math.round(bytes.length / (dimX * dimY * width)));
  return { bytes, rows: dimY, columns: dimX, samples, bits: 8 * width };
}

/** PS3.5 Annex G: a segment of PackBits for each byte of a sample, the most significant first. */
export function decodeRle(
  encoded: Uint8Array,
  {
    rows,
    columns,
    samples,
    bits,
  }: { rows: number; columns: number; samples: number; bits: number },
): DecodedFrame {
  const view = new DataView(encoded.buffer, encoded.byteOffset, encoded.byteLength);
  const width = bits / 8;
  const count = view.getUint32(0, true);
  if (count !== samples * width) throw new Error(`${count} segments`);
  const bytes = new Uint8Array(rows * columns * samples * width);
  for (let segment = 0; segment < count; segment += 1) {
    const start = view.getUint32(4 + 4 * segment, true);
    const stop = segment + 1 < count ? view.getUint32(8 + 4 * segment, true) : encoded.length;
    const plain = unpackBits(encoded.subarray(start, stop), rows * columns);
    const sample = Math.floor(segment / width);
    const byte = width - 1 - (segment % width);
    for (let pixel = 0; pixel < plain.length; pixel += 1) {
      bytes[(pixel * samples + sample) * width + byte] = plain[pixel] ?? 0;
    }
  }
  return { bytes, rows, columns, samples, bits };
}

function unpackBits(packed: Uint8Array, size: number): Uint8Array {
  const plain = new Uint8Array(size);
  let place = 0;
  for (let at = 0; at < packed.length && place < size;) {
    const head = packed[at] ?? 0;
    if (head < 128) {
      plain.set(packed.subarray(at + 1, at + 2 + Math.min(head, size - place - 1)), place);
      place += head + 1;
      at += head + 2;
    } else if (head > 128) {
      plain.fill(packed[at + 1] ?? 0, place, place + 257 - head);
      place += 257 - head;
      at += 2;
    } else at += 1;
  }
  if (place < size) throw new Error("a segment is short");
  return plain;
}
