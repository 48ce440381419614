/**
 * Sorts what was dropped into uploads: one per picture, volume or archive, one per DICOM folder.
 * Folders of one folder come together, for they may be the series of a study, which is answered as
 * a whole.
 */

import { ALONE_ENDINGS, SLICE_ENDINGS } from "@/domain/formats.gen";

export interface PickedFile {
  file: File;
  /** Path below the dropped folder, or the file's name. */
  path: string;
}

export interface UploadPlan {
  name: string;
  files: PickedFile[];
}

/** What a service takes for one job, if it was not told otherwise. */
const MOST_TOGETHER = 5000;

const CLUTTER = new Set([".ds_store", "thumbs.db", "desktop.ini", "dicomdir"]);

function endsIn(name: string, endings: readonly string[]): boolean {
  const lowered = name.toLowerCase();
  return endings.some((ending) => lowered.endsWith(ending));
}

function folderOf(path: string): string {
  return path.slice(0, Math.max(0, path.lastIndexOf("/")));
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function isClutter(path: string): boolean {
  return path.split("/").some((part) => part.startsWith("._") || CLUTTER.has(part.toLowerCase()));
}

/** DICOM files often have no ending, or a number where the ending would be (an identifier). */
function isSliceOfSeries(path: string): boolean {
  const name = baseName(path);
  if (endsIn(name, ALONE_ENDINGS)) return false;
  return endsIn(name, SLICE_ENDINGS) || !/\.[a-z]\w{0,4}$/i.test(name);
}

export function planUploads(picked: PickedFile[]): UploadPlan[] {
  const plans: UploadPlan[] = [];
  const studyOf = studyFolders(picked);
  const byFolder = new Map<string, UploadPlan>();
  for (const one of picked) {
    if (isClutter(one.path)) continue;
    if (!isSliceOfSeries(one.path)) {
      plans.push({ name: one.path, files: [one] });
      continue;
    }
    const folder = studyOf.get(folderOf(one.path)) ?? folderOf(one.path);
    const known = byFolder.get(folder);
    if (known) {
      known.files.push(one);
      continue;
    }
    const plan = { name: folder, files: [one] };
    byFolder.set(folder, plan);
    plans.push(plan);
  }
  for (const plan of byFolder.values()) plan.name = nameOfSeries(plan);
  return plans;
}

/** The folder above each folder of slices, where those in it may come together. */
function studyFolders(picked: PickedFile[]): Map<string, string> {
  const slices = picked.filter(({ path }) => !isClutter(path) && isSliceOfSeries(path));
  const above = (folder: string) => folderOf(folder) || folder;
  const counts = new Map<string, number>();
  for (const { path } of slices) {
    const study = above(folderOf(path));
    counts.set(study, (counts.get(study) ?? 0) + 1);
  }
  const folders = slices.map(({ path }) => folderOf(path));
  return new Map(
    folders
      .map((folder) => [folder, above(folder)] as const)
      .filter(([, study]) => (counts.get(study) ?? 0) <= MOST_TOGETHER),
  );
}

function nameOfSeries(plan: UploadPlan): string {
  const [first, ...others] = plan.files;
  if (!first) return plan.name;
  if (others.length === 0) return first.path;
  return plan.name || `${baseName(first.path)} + ${others.length}`;
}

export function bytesOf(plan: { files: PickedFile[] }): number {
  return plan.files.reduce((sum, one) => sum + one.file.size, 0);
}
