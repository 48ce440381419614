import { expect, test } from "vitest";

import { planUploads } from "@/domain/upload-plan";

const picked = (...paths: string[]) =>
  paths.map((path) => ({ path, file: new File(["x"], path.split("/").at(-1) ?? "") }));

const plan = (...paths: string[]) =>
  planUploads(picked(...paths)).map(({ name, files }) => [name, files.length]);

test.each([
  [
    "pictures stand alone",
    ["a.png", "b.JPG"],
    [
      ["a.png", 1],
      ["b.JPG", 1],
    ],
  ],
  [
    "volumes and archives stand alone",
    ["v.nii.gz", "a.zip", "v.mha", "v.nrrd", "v.MGZ"],
    [
      ["v.nii.gz", 1],
      ["a.zip", 1],
      ["v.mha", 1],
      ["v.nrrd", 1],
      ["v.MGZ", 1],
    ],
  ],
  [
    "DICOM files of a folder belong together",
    ["s/1.dcm", "s/2.dcm", "s/3.dcm.gz", "t/1.dcm"],
    [
      ["s", 3],
      ["t/1.dcm", 1],
    ],
  ],
  [
    "series of a study come together, each in a folder of its own",
    ["study/t1/1.dcm", "study/t1/2.dcm", "study/t2/1.dcm", "study/note.pdf"],
    [
      ["study", 3],
      ["study/note.pdf", 1],
    ],
  ],
  [
    "studies of a patient stay apart",
    ["p/a/t1/1.dcm", "p/a/t2/1.dcm", "p/b/t1/1.dcm", "p/b/t2/1.dcm"],
    [
      ["p/a", 2],
      ["p/b", 2],
    ],
  ],
  ["files without an ending are taken for DICOM", ["s/IM0001", "s/IM0002"], [["s", 2]]],
  ["so are identifiers with dots", ["1.2.840.1", "1.2.840.2"], [["1.2.840.1 + 1", 2]]],
  [
    "other files are for the service to refuse, one by one",
    ["a.txt", "s/b.pdf"],
    [
      ["a.txt", 1],
      ["s/b.pdf", 1],
    ],
  ],
  [
    "clutter of file systems is left out",
    [".DS_Store", "s/Thumbs.db", "__MACOSX/._a.png", "DICOMDIR"],
    [],
  ],
])("%s", (_, paths, expected) => {
  expect(plan(...paths)).toEqual(expected);
});

test("more folders than a job takes stay apart", () => {
  const paths = Array.from({ length: 6000 }, (_, at) => `all/${at % 2}/${at}.dcm`);
  expect(plan(...paths)).toEqual([
    ["all/0", 3000],
    ["all/1", 3000],
  ]);
});
