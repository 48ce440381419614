/** What the files of an upload stand for: themselves, or the members of an archive. */

import { unzipSync, type UnzipFileInfo } from "fflate";

import { LIMITS } from "@/local/constants.gen";
import { compareNaturally } from "@/local/imaging/numeric";
import { ScanError } from "@/local/imaging/scan";
import { checkBytes, isNamedAsScan, readHere, recognize } from "@/local/inputs/formats";

export interface Input {
  name: string;
  /** Where its content is; read when its turn comes, and let go of. */
  file: Blob;
  /** Of an archive, the name inside. */
  member: string | null;
}

export type Content = Uint8Array<ArrayBuffer>;

const HEAD_BYTES = 4096;

/** List the inputs of one file without unpacking anything but the list of an archive. */
export async function expand(name: string, file: Blob): Promise<Input[]> {
  checkBytes(file.size);
  const head = new Uint8Array(await file.slice(0, HEAD_BYTES).arrayBuffer());
  if (recognize(head) !== "zip") return [{ name, file, member: null }];
  const members = await listMembers(file);
  return members.map((member) => ({ name: `${name}/${member}`, file, member }));
}

/** Archives whose bytes are kept for the next member. */
let opened: { file: Blob; bytes: Content } | null = null;

export async function contentOf({ file, member }: Input): Promise<Content> {
  if (member === null) return new Uint8Array(await file.arrayBuffer());
  const found = await unpack(file, ({ name }) => name === member);
  const content = Object.values(found)[0];
  if (!content) throw new ScanError("corrupt-image", "The archive's member is damaged.");
  return content as Content;
}

/** Forget what was kept of an archive. */
export function closeArchive(): void {
  opened = null;
}

async function listMembers(file: Blob): Promise<string[]> {
  const infos: UnzipFileInfo[] = [];
  const others: UnzipFileInfo[] = [];
  await unpack(file, (info) => {
    if (info.name.endsWith("/") || info.name.split("/").some(isHidden)) return false;
    (isNamedAsScan(info.name) || isUnnamed(info.name) ? infos : others).push(info);
    return false;
  });
  checkMembers(infos, file.size);
  if (infos.length === 0) {
    throw new ScanError(
      "unsupported-format",
      `The zip archive holds no file that could be a scan (${others.length} of other kinds); ${readHere(" and ")} are read.`,
    );
  }
  return infos.map((one) => one.name).toSorted(compareNaturally);
}

/** DICOM files often have no ending, or a number in its place. */
function isUnnamed(path: string): boolean {
  return !/\.[a-z]\w{0,4}$/i.test(path.slice(path.lastIndexOf("/") + 1));
}

function isHidden(part: string): boolean {
  if (part.startsWith(".") && part !== "..") return true;
  return part === "__MACOSX" || part.toUpperCase().split(";")[0] === "DICOMDIR";
}

function checkMembers(infos: UnzipFileInfo[], size: number): void {
  const told = (value: number) => value.toLocaleString("en");
  if (infos.length > LIMITS.max_files) {
    throw new ScanError(
      "image-too-large",
      `The zip archive has ${told(infos.length)} files; the limit is ${told(LIMITS.max_files)}.`,
    );
  }
  const total = infos.reduce((sum, one) => sum + one.originalSize, 0);
  if (total > maxUnpacked(size)) {
    throw new ScanError(
      "image-too-large",
      `The zip archive of ${told(size)} bytes unpacks to ${told(total)}; the limits are ${told(LIMITS.max_archive_bytes)} bytes and ${LIMITS.max_ratio} times its size.`,
    );
  }
  for (const one of infos) checkBytes(one.originalSize);
}

/** How many bytes a compressed stream may unpack to. */
export function maxUnpacked(packed: number): number {
  return Math.min(LIMITS.max_archive_bytes, Math.max(LIMITS.free_bytes, LIMITS.max_ratio * packed));
}

async function unpack(
  file: Blob,
  filter: (info: UnzipFileInfo) => boolean,
): Promise<Record<string, Uint8Array>> {
  if (opened?.file !== file) {
    opened = { file, bytes: new Uint8Array(await file.arrayBuffer()) };
  }
  try {
    return unzipSync(opened.bytes, { filter: named(filter) });
  } catch {
    throw new ScanError(
      "corrupt-image",
      "The zip archive cannot be opened; it is truncated, encrypted or damaged.",
    );
  }
}

/** Some programs on Windows part names by backslashes. */
function named(filter: (info: UnzipFileInfo) => boolean) {
  return (info: UnzipFileInfo) => filter({ ...info, name: info.name.replaceAll("\\", "/") });
}
