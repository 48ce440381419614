/** PNG, JPEG, BMP and WebP into grey values: Python's formats/raster.py. */

import { decode, convertIndexedToRgb, type DecodedPng } from "fast-png";

import { LUMA } from "@/local/constants.gen";
import { plainScan, ScanError, type Grey, type Scan } from "@/local/imaging/scan";
import { checkSize } from "@/local/inputs/formats";

export function readPng(content: Uint8Array, source: string): Scan[] {
  const header = new DataView(content.buffer, content.byteOffset);
  if (content.length < 33) throw damaged("PNG");
  checkSize(header.getUint32(20), header.getUint32(16));
  let png: DecodedPng;
  try {
    png = decode(content, { checkCrc: true });
  } catch {
    throw damaged("PNG");
  }
  return [plainScan({ rows: png.height, columns: png.width, values: greyOf(png) }, source)];
}

/** Whatever the browser itself decodes; what is transparent becomes black. */
export async function readByBrowser(
  content: Uint8Array<ArrayBuffer>,
  source: string,
  name: string,
): Promise<Scan[]> {
  let bitmap: ImageBitmap;
  try {
    bitmap = await createImageBitmap(new Blob([content]), {
      imageOrientation: "from-image",
      colorSpaceConversion: "none",
      premultiplyAlpha: "none",
    });
  } catch {
    throw damaged(name);
  }
  const { width, height } = bitmap;
  try {
    checkSize(height, width);
    const context = sheetOf(width, height);
    context.fillStyle = "#000";
    context.fillRect(0, 0, width, height);
    context.drawImage(bitmap, 0, 0);
    const { data } = context.getImageData(0, 0, width, height);
    return [plainScan(greyOfRgba(data, height, width), source)];
  } finally {
    bitmap.close();
  }
}

/** Pixels of the sheet that is kept. */
const KEPT_SHEET = 4_000_000;

let kept: OffscreenCanvasRenderingContext2D | null = null;

/**
 * A canvas that is large enough. Its first stroke waits for the page, however busy that is, so that
 * it is kept for the pictures that follow.
 */
function sheetOf(width: number, height: number): OffscreenCanvasRenderingContext2D {
  if (kept && kept.canvas.width >= width && kept.canvas.height >= height) return kept;
  const wide = Math.max(width, kept?.canvas.width ?? 0);
  const tall = Math.max(height, kept?.canvas.height ?? 0);
  const isKept = wide * tall <= KEPT_SHEET;
  const sheet = isKept ? new OffscreenCanvas(wide, tall) : new OffscreenCanvas(width, height);
  const context = sheet.getContext("2d", { willReadFrequently: true });
  if (!context) throw new ScanError("image-error", "This browser draws no canvas.");
  if (isKept) kept = context;
  return context;
}

export function greyOfRgba(data: ArrayLike<number>, rows: number, columns: number): Grey {
  const values = new Float32Array(rows * columns);
  for (let at = 0; at < values.length; at += 1) {
    values[at] = luma8(data[4 * at] ?? 0, data[4 * at + 1] ?? 0, data[4 * at + 2] ?? 0);
  }
  return { rows, columns, values };
}

/** ITU-R BT.601 as Pillow computes it for 8 bits, in fixed-point numbers. */
function luma8(red: number, green: number, blue: number): number {
  return (red * 19595 + green * 38470 + blue * 7471 + 0x8000) >> 16;
}

function greyOf(png: DecodedPng): Float32Array {
  if (png.palette) return greyOfPalette(png);
  if (png.depth < 8) return unpacked(png);
  return png.depth === 16 ? greyOfDeep(png) : greyOfBytes(png);
}

function greyOfPalette(png: DecodedPng): Float32Array {
  const colors = convertIndexedToRgb(png);
  const channels = png.palette?.[0]?.length ?? 3;
  return greyOfBytes({ ...png, data: colors, channels, palette: undefined });
}

function greyOfBytes({ width, height, channels, data, transparency }: DecodedPng): Float32Array {
  const colors = channels < 3 ? 1 : 3;
  const hasAlpha = channels === 2 || channels === 4;
  if (!hasAlpha && !transparency?.length) return greyOfPlain(data, colors);
  return Float32Array.from({ length: width * height }, (_, pixel) => {
    const at = pixel * channels;
    const [red = 0, green = red, blue = red] = data.subarray(at, at + colors);
    if (isKey([red, green, blue].slice(0, colors), transparency)) return 0;
    if (!hasAlpha) return colors === 1 ? red : luma8(red, green, blue);
    const alpha = (data[at + colors] ?? 0) / 255;
    return luma8(...([red, green, blue].map((one) => Math.round(one * alpha)) as Triple));
  });
}

/** What most pictures are; a function for each of their pixels would take longer than to unpack them. */
function greyOfPlain(data: DecodedPng["data"], colors: 1 | 3): Float32Array {
  if (colors === 1) return Float32Array.from(data);
  const values = new Float32Array(data.length / 3);
  for (let pixel = 0; pixel < values.length; pixel += 1) {
    const at = 3 * pixel;
    values[pixel] = luma8(data[at] ?? 0, data[at + 1] ?? 0, data[at + 2] ?? 0);
  }
  return values;
}

type Triple = [number, number, number];

/** Whether a colour is the one that the picture calls transparent. */
function isKey(color: number[], key: Uint16Array | undefined): boolean {
  return key !== undefined && key.length > 0 && color.every((one, at) => one === key[at]);
}

function greyOfDeep({ width, height, channels, data }: DecodedPng): Float32Array {
  const colors = channels < 3 ? 1 : 3;
  const hasAlpha = channels === 2 || channels === 4;
  return Float32Array.from({ length: width * height }, (_, pixel) => {
    const at = pixel * channels;
    const [red = 0, green = red, blue = red] = data.subarray(at, at + colors);
    const grey = colors === 1 ? red : LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue;
    return hasAlpha ? (grey * (data[at + colors] ?? 0)) / 65535 : grey;
  });
}

/** Grey values of 1, 2 or 4 bits, several of them in a byte, each row in bytes of its own. */
function unpacked({ width, height, depth, data }: DecodedPng): Float32Array {
  const line = Math.ceil((width * depth) / 8);
  const most = 2 ** depth - 1;
  return Float32Array.from({ length: width * height }, (_, pixel) => {
    const [row, column] = [Math.floor(pixel / width), pixel % width];
    const bit = column * depth;
    const byte = data[row * line + (bit >> 3)] ?? 0;
    return (((byte >> (8 - depth - (bit & 7))) & most) * 255) / most;
  });
}

export function damaged(name: string): ScanError {
  return new ScanError(
    "corrupt-image",
    `The ${name} file cannot be decoded; it is truncated or damaged.`,
  );
}
