// Made by python -m tumorscope.imaging.formats; do not edit.

/** Formats that are read, as users know them. */
export const READ_NAMES: readonly string[] = [
  "PNG",
  "JPEG",
  "BMP",
  "TIFF",
  "WebP",
  "DICOM",
  "NIfTI",
  "NRRD",
  "MetaImage",
  "MGH",
];

/** Files that are an upload of their own. */
export const ALONE_ENDINGS: readonly string[] = [
  ".png",
  ".jpg",
  ".jpeg",
  ".jpe",
  ".jfif",
  ".bmp",
  ".dib",
  ".tif",
  ".tiff",
  ".webp",
  ".nii",
  ".nii.gz",
  ".nrrd",
  ".nhdr",
  ".nrrd.gz",
  ".nhdr.gz",
  ".mha",
  ".mhd",
  ".mha.gz",
  ".mhd.gz",
  ".mgh",
  ".mgz",
  ".mgh.gz",
  ".mgz.gz",
  ".zip",
];

/** Files that belong to the others of their folder. */
export const SLICE_ENDINGS: readonly string[] = [
  ".dcm",
  ".dicom",
  ".ima",
  ".mr",
  ".dcm.gz",
  ".dicom.gz",
  ".ima.gz",
  ".mr.gz",
];
