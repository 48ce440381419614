/** Values of a DICOM header, however they are written: Python's formats/dicom_header.py. */

import { convertBytes } from "dicom-character-set";
import type { DataSet, Element } from "dicom-parser";

import { DESCRIPTION_LETTERS, ELEMENTS, TEXT_VRS } from "@/local/constants.gen";

export type Keyword = keyof typeof ELEMENTS;
export type Values = (string | number)[];

/** A data set, or an item of a sequence. */
export class Header {
  readonly dataSet: DataSet;

  /** Specific Character Set, which holds for the items inside, too. */
  readonly #characters: string;

  constructor(dataSet: DataSet, characters = "") {
    this.dataSet = dataSet;
    const own = this.element("SpecificCharacterSet");
    this.#characters = own ? latin(dataSet.byteArray, own).replace(PADDING, "") : characters;
  }

  has(keyword: Keyword): boolean {
    return this.element(keyword) !== undefined;
  }

  element(keyword: Keyword): Element | undefined {
    return this.dataSet.elements[ELEMENTS[keyword][0]];
  }

  /** The finite numbers of an element; `null` if it is not `count` of them. */
  numbers(keyword: Keyword, count?: number): number[] | null {
    const found = this.#values(keyword).map(numberOf);
    const known = found.filter((one) => one !== null);
    const isWhole = known.length > 0 && known.length === found.length;
    return isWhole && (count === undefined || known.length === count) ? known : null;
  }

  number(keyword: Keyword): number | null {
    return numberOf(this.#values(keyword)[0]);
  }

  whole(keyword: Keyword, otherwise = 0): number {
    const value = this.number(keyword);
    return value === null ? otherwise : Math.trunc(value);
  }

  text(keyword: Keyword): string | null {
    const value = this.#values(keyword)[0];
    return value === undefined ? null : (untilControl([value])[0] ?? "") || null;
  }

  /** A defined term, which is in capitals whatever the file has. */
  term(keyword: Keyword): string | null {
    return this.text(keyword)?.toUpperCase() ?? null;
  }

  /** All values of an element in one text. */
  joined(keyword: Keyword): string | null {
    const value = untilControl(this.#values(keyword)).join("\\");
    return value.replaceAll("\\", "") ? value : null;
  }

  items(keyword: Keyword): Header[] {
    const items = this.element(keyword)?.items ?? [];
    return items.flatMap((one) => (one.dataSet ? [new Header(one.dataSet, this.#characters)] : []));
  }

  /** The first item of each sequence in here, by tag and in the order of tags. */
  allItems(): [string, Header][] {
    const elements = Object.entries<Element>(this.dataSet.elements);
    return elements
      .toSorted(([a], [b]) => (a < b ? -1 : 1))
      .flatMap(([tag, one]) => {
        const first = one.items?.[0]?.dataSet;
        return first ? [[tag, new Header(first, this.#characters)] as [string, Header]] : [];
      });
  }

  #values(keyword: Keyword): Values {
    const element = this.element(keyword);
    if (!element || element.length === 0) return [];
    const kind = this.#kindOf(keyword, element);
    if ((TEXT_VRS as readonly string[]).includes(kind)) {
      const text = this.#decoded(element, kind).replace(PADDING, "");
      return text ? text.split("\\") : [];
    }
    return this.#binary(element, kind);
  }

  #decoded(element: Element, kind: string): string {
    const { byteArray } = this.dataSet;
    const plain = latin(byteArray, element);
    if (!FREE_TEXT_VRS.includes(kind) || !this.#characters) return plain;
    const { dataOffset, length } = element;
    const bytes = Uint8Array.from(byteArray.subarray(dataOffset, dataOffset + length));
    try {
      return convertBytes(this.#characters, bytes, { vr: kind });
    } catch {
      // Of a character set that nobody knows.
      return plain;
    }
  }

  #kindOf(keyword: Keyword, element: Element): string {
    const stated = element.vr;
    const known: string = !stated || stated === "UN" ? ELEMENTS[keyword][1] : stated;
    if (!known.includes(" or ")) return known;
    // Of elements that follow PixelRepresentation; here only numbers are wanted of them.
    return this.dataSet.uint16(ELEMENTS.PixelRepresentation[0]) === 1 ? "SS" : "US";
  }

  #binary({ dataOffset, length }: Element, kind: string): number[] {
    const read = BINARY[kind];
    if (!read) return [];
    const { byteArray } = this.dataSet;
    const view = new DataView(byteArray.buffer, byteArray.byteOffset, byteArray.byteLength);
    const isLittle = this.#isLittle();
    const count = Math.min(Math.floor(length / read.width), MOST_VALUES);
    return Array.from({ length: count }, (_, at) =>
      read.read(view, dataOffset + at * read.width, isLittle),
    );
  }

  #isLittle(): boolean {
    return isLittle(this.dataSet);
  }
}

/** More no element of a header has that is looked at. */
const MOST_VALUES = 65_536;
/** Of those that are read; all others are in plain letters, whatever the file says. */
const FREE_TEXT_VRS: readonly string[] = ["LO", "SH"];
const PADDING = /^[ \0]+|[ \0]+$/g;
/** Control characters other than tabs, line ends and character-set escapes, which texts may hold. */
const CONTROL = /[^\P{Cc}\t\n\f\r\u001b\u0080-\u009f]/u;

interface BinaryKind {
  width: number;
  read: (view: DataView, at: number, isLittle: boolean) => number;
}

const BINARY: Partial<Record<string, BinaryKind>> = {
  US: { width: 2, read: (view, at, little) => view.getUint16(at, little) },
  SS: { width: 2, read: (view, at, little) => view.getInt16(at, little) },
  UL: { width: 4, read: (view, at, little) => view.getUint32(at, little) },
  SL: { width: 4, read: (view, at, little) => view.getInt32(at, little) },
  FL: { width: 4, read: (view, at, little) => view.getFloat32(at, little) },
  FD: { width: 8, read: (view, at, little) => view.getFloat64(at, little) },
};

/** Byte order of a data set, told by how its parser reads a number. */
export function isLittle(dataSet: DataSet): boolean {
  const parser = dataSet.byteArrayParser as {
    readUint16: (bytes: Uint8Array, at: number) => number;
  };
  return parser.readUint16(new Uint8Array([1, 0]), 0) === 1;
}

function latin(bytes: ArrayLike<number>, { dataOffset, length }: Element): string {
  let text = "";
  for (let at = dataOffset; at < dataOffset + length; at += 1) {
    text += String.fromCharCode(bytes[at] ?? 0);
  }
  return text;
}

/**
 * Texts without padding, up to the first control character. A damaged length makes a value run into
 * the next element, whose tag holds one; what follows may be the patient's name.
 */
function untilControl(values: Values): string[] {
  const found: string[] = [];
  for (const one of values) {
    const text = String(one).replace(PADDING, "");
    const end = text.split(CONTROL, 1)[0]?.length ?? 0;
    found.push(text.slice(0, end).replace(PADDING, ""));
    if (end < text.length) break;
  }
  return found;
}

function numberOf(value: string | number | undefined): number | null {
  if (value === undefined) return null;
  if (typeof value === "number") return Number.isFinite(value) ? value : null;
  const text = value.replace(PADDING, "");
  if (text === "") return null;
  const result = Number(text.replaceAll(",", text.includes(".") ? "" : "."));
  return Number.isFinite(result) ? result : null;
}

/** The name that the scanner gave to the series, as one line of printable text. */
export function descriptionOf(header: Header): string | null {
  const text = header.joined("SeriesDescription")?.replaceAll("\\", " ") ?? "";
  const line = text.split(/\s+/).join(" ").replace(/\p{C}/gu, "");
  return line.slice(0, DESCRIPTION_LETTERS).trim() || null;
}
