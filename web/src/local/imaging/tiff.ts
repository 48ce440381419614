/** TIFF files of one or several pages, 8 to 32 bits, into grey values. */

import UTIF, { type Page } from "utif2";

import { LIMITS, LUMA } from "@/local/constants.gen";
import { range } from "@/local/imaging/numeric";
import { damaged, greyOfRgba } from "@/local/imaging/raster";
import { fillBackgrounds, plainScan, ScanError, type Grey, type Scan } from "@/local/imaging/scan";
import { checkSize } from "@/local/inputs/formats";

/** TIFF 6.0: tags and some of their values. */
const TAG = {
  kind: "t254",
  description: "t270",
  width: "t256",
  length: "t257",
  bits: "t258",
  photometric: "t262",
  stripOffsets: "t273",
  orientation: "t274",
  samples: "t277",
  rowsPerStrip: "t278",
  planar: "t284",
  predictor: "t317",
  tileWidth: "t322",
  tileLength: "t323",
  tileOffsets: "t324",
  sampleFormat: "t339",
  depth: "t32997",
} as const;
const WHITE_IS_ZERO = 0;
/** Bits of a page that is a smaller copy of another, or its mask. */
const EXTRA = 1 | 4;
const SEPARATE = 2;
const SIGNED = 2;
const FLOAT = 3;

export function readTiff(content: Uint8Array<ArrayBuffer>, source: string): Scan[] {
  const buffer = content.slice().buffer;
  const pages = parse(buffer).filter((page) => page[TAG.width] && page[TAG.length]);
  if (pages.length === 0) throw damaged("TIFF");
  checkStack(pages);
  let pixels = 0;
  const pictures = pages.map((page) => {
    const [rows, columns] = [value(page, TAG.length, 0), value(page, TAG.width, 0)];
    checkSize(rows, columns, pages.length);
    if (piecesOf(page) < neededPieces(page, rows, columns)) throw damaged("TIFF");
    pixels += rows * columns;
    if (pixels > LIMITS.max_voxels) {
      throw new ScanError("image-too-large", "The TIFF's pages have too many pixels together.");
    }
    return upright(readPage(buffer, page, pages), value(page, TAG.orientation, 1));
  });
  const isOwn = pages.map((page) => (value(page, TAG.kind, 0) & EXTRA) === 0);
  const own = pictures.filter((_, at) => isOwn[at]);
  const shown = own.length > 0 ? own : pictures;
  const several = shown.length > 1;
  const filled = fillBackgrounds(shown.map((one) => one.values));
  return shown.map((grey, index) =>
    plainScan({ ...grey, values: filled[index] ?? grey.values }, source, {
      sliceIndex: several ? index : null,
      seriesUid: several ? source : null,
      positionMm: several ? index : null,
    }),
  );
}

/** Refuse a file whose one page stands for several slices, of which only the first is seen. */
function checkStack(pages: Page[]): void {
  const [first] = pages;
  if (!first || pages.length > 1) return;
  const text: unknown = first[TAG.description]?.[0];
  const isImageJ = typeof text === "string" && text.startsWith("ImageJ=");
  const stated = isImageJ ? /^images=(\d{1,9})\s*$/m.exec(text) : null;
  const slices = Math.max(value(first, TAG.depth, 1), Number(stated?.[1] ?? 1));
  if (slices > 1) {
    throw new ScanError(
      "unsupported-format",
      `The TIFF has ${slices.toLocaleString("en")} slices behind the header of one page, of which only the first would be seen; save it with a page for each slice, or as NIfTI (.nii.gz).`,
    );
  }
}

/** Strips or tiles that the page has; what it lacks would be black. */
function piecesOf(page: Page): number {
  return (page[TAG.tileOffsets] ?? page[TAG.stripOffsets] ?? []).length;
}

function neededPieces(page: Page, rows: number, columns: number): number {
  const down = page[TAG.tileOffsets] ? TAG.tileLength : TAG.rowsPerStrip;
  const across = page[TAG.tileOffsets] ? value(page, TAG.tileWidth, 0) : columns;
  const planes = value(page, TAG.planar, 1) === SEPARATE ? value(page, TAG.samples, 1) : 1;
  const pieces = (pixels: number, each: number) => Math.ceil(pixels / Math.max(1, each));
  return pieces(rows, value(page, down, rows)) * pieces(columns, across) * planes;
}

function parse(buffer: ArrayBuffer): Page[] {
  try {
    return UTIF.decode(buffer);
  } catch {
    throw damaged("TIFF");
  }
}

function readPage(buffer: ArrayBuffer, page: Page, pages: Page[]): Grey {
  const [rows, columns] = [value(page, TAG.length, 0), value(page, TAG.width, 0)];
  const [bits, samples] = [value(page, TAG.bits, 1), value(page, TAG.samples, 1)];
  if (bits > 8 && samples > 1 && value(page, TAG.planar, 1) === SEPARATE) {
    throw new ScanError(
      "unsupported-format",
      "The TIFF keeps deep colors in separate planes; save it as 16-bit gray or as PNG.",
    );
  }
  if (value(page, TAG.predictor, 1) > (bits > 16 ? 1 : 2)) {
    throw new ScanError(
      "unsupported-format",
      "The TIFF's compression predicts samples in a way that is not read here; save it without.",
    );
  }
  try {
    UTIF.decodeImage(buffer, page, pages);
    if (bits <= 8 && value(page, TAG.sampleFormat, 1) !== SIGNED) {
      return greyOfRgba(UTIF.toRGBA8(page), rows, columns);
    }
  } catch {
    throw damaged("TIFF");
  }
  const values = typed(page, bits);
  if (values.length < rows * columns * samples) throw damaged("TIFF");
  if (samples > 2) {
    return { rows, columns, values: lumaOf(values, rows * columns, samples) };
  }
  const grey = Float32Array.from({ length: rows * columns }, (_, at) => values[at * samples] ?? 0);
  if (value(page, TAG.photometric, 1) !== WHITE_IS_ZERO) return { rows, columns, values: grey };
  const most = range(grey)[1];
  return { rows, columns, values: grey.map((one) => most - one) };
}

function lumaOf(values: ArrayLike<number>, pixels: number, samples: number): Float32Array {
  return Float32Array.from({ length: pixels }, (_, pixel) =>
    LUMA.reduce((sum, weight, at) => sum + weight * (values[pixel * samples + at] ?? 0), 0),
  );
}

/** Values as floats, whatever they are stored as. */
function typed(page: Page, bits: number): Float64Array {
  const format = value(page, TAG.sampleFormat, 1);
  const view = new DataView(page.data.buffer, page.data.byteOffset, page.data.byteLength);
  // The library turns 16 bits to little-endian itself.
  const read = reader(view, bits, format, bits === 16 || page.isLE);
  const step = bits / 8;
  return Float64Array.from({ length: Math.floor(view.byteLength / step) }, (_, at) =>
    read(at * step),
  );
}

function reader(view: DataView, bits: number, format: number, isLittle: boolean) {
  const known = `${format}-${bits}`;
  switch (known) {
    case `${SIGNED}-8`:
      return (at: number) => view.getInt8(at);
    case `${SIGNED}-16`:
      return (at: number) => view.getInt16(at, isLittle);
    case `${SIGNED}-32`:
      return (at: number) => view.getInt32(at, isLittle);
    case `${FLOAT}-32`:
      return (at: number) => view.getFloat32(at, isLittle);
    case `${FLOAT}-64`:
      return (at: number) => view.getFloat64(at, isLittle);
    case "1-16":
      return (at: number) => view.getUint16(at, isLittle);
    case "1-32":
      return (at: number) => view.getUint32(at, isLittle);
    default:
      throw new ScanError(
        "unsupported-format",
        `The TIFF has samples of ${bits} bits of an unusual kind; save it as 16-bit gray.`,
      );
  }
}

/** Turn as the Orientation tag says. TIFF 6.0 page 36. */
function upright(grey: Grey, orientation: number): Grey {
  if (orientation < 2 || orientation > 8) return grey;
  const isTurned = orientation > 4;
  const rows = isTurned ? grey.columns : grey.rows;
  const columns = isTurned ? grey.rows : grey.columns;
  const flipsRows = [3, 4, 7, 8].includes(orientation);
  const flipsColumns = [2, 3, 6, 7].includes(orientation);
  const values = new Float32Array(grey.values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      const y = flipsRows ? rows - 1 - row : row;
      const x = flipsColumns ? columns - 1 - column : column;
      const from = isTurned ? x * grey.columns + y : y * grey.columns + x;
      values[row * columns + column] = grey.values[from] ?? 0;
    }
  }
  return { rows, columns, values };
}

function value(page: Page, tag: `t${number}`, otherwise: number): number {
  const found = page[tag]?.[0];
  return typeof found === "number" ? found : otherwise;
}
