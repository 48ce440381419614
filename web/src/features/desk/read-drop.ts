import type { PickedFile } from "@/domain/upload-plan";

/** Files of a drop or paste, folders opened. Must be called within the event. */
export async function readTransfer(transfer: DataTransfer): Promise<PickedFile[]> {
  const roots = [...transfer.items]
    .filter((item) => item.kind === "file")
    .map((item) => item.webkitGetAsEntry() ?? item.getAsFile());
  const found = await Promise.all(roots.map(readRoot));
  return found.flat();
}

export function readInput(files: Iterable<File>): PickedFile[] {
  return [...files].map((file) => ({ file, path: file.webkitRelativePath || file.name }));
}

async function readRoot(root: FileSystemEntry | File | null): Promise<PickedFile[]> {
  if (root === null) return [];
  return root instanceof File ? [{ file: root, path: root.name }] : readEntry(root);
}

async function readEntry(entry: FileSystemEntry): Promise<PickedFile[]> {
  if (isFile(entry)) {
    const file = await new Promise<File>((resolve, reject) => {
      entry.file(resolve, reject);
    });
    return [{ file, path: entry.fullPath.replace(/^\//, "") }];
  }
  if (!isFolder(entry)) return [];
  return readFolder(entry.createReader());
}

/** A reader gives some entries at a time, and an empty list at the end. */
async function readFolder(reader: FileSystemDirectoryReader): Promise<PickedFile[]> {
  const all: PickedFile[] = [];
  for (;;) {
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) => {
      reader.readEntries(resolve, reject);
    });
    if (some.length === 0) return all;
    // A few at a time, so that a folder of hundreds does not hold up the page.
    const found = await Promise.all(some.map(readEntry));
    all.push(...found.flat());
  }
}

function isFile(entry: FileSystemEntry): entry is FileSystemFileEntry {
  return entry.isFile;
}

function isFolder(entry: FileSystemEntry): entry is FileSystemDirectoryEntry {
  return entry.isDirectory;
}
