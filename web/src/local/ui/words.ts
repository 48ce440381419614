import type { Language } from "@/domain/settings";
import type { Catalogue } from "@/messages/catalogue";

/** What the page says otherwise when no service is behind it. */
export const editionWords: Record<Language, Partial<Catalogue>> = {
  en: {
    "bringIn.lead":
      "Drop images, DICOM folders, NIfTI volumes or zip files anywhere on this page, or paste an image. They never leave this device.",
    "bringIn.formats": "PNG, JPEG, BMP, TIFF, WebP, DICOM, NIfTI, zip",
    "bringIn.drop": "Drop to analyze",
    "samples.none": "This page has no samples.",
    "uploads.title": "Analyzing",
    "uploads.progress": "Progress of {name}",
    "uploads.all": "{done, number} of {total, number} analyzed",
    "upload.sending": "Reading, {percent}",
    "problem.server.title": "The page made an error",
    "problem.server.text":
      "Your file is not the cause. Try again; if the error persists, reload the page.",
    "problem.offline.title": "A file of this page could not be loaded",
    "problem.offline.text": "Check the connection, then try again.",
    "error.image-too-large": "Larger than this page reads.",
    "limits.title": "Limits of this page",
    "limits.lead":
      "Files up to {file}. Large volumes need as much free memory as they have voxels, eight times.",
    "limits.formats": "Formats: PNG, JPEG, BMP, TIFF, WebP, DICOM, NIfTI, zip.",
  },
  de: {
    "bringIn.lead":
      "Ziehen Sie Bilder, DICOM-Ordner, NIfTI-Volumen oder Zip-Dateien auf diese Seite, oder fügen Sie ein Bild ein. Sie verlassen dieses Gerät nicht.",
    "bringIn.formats": "PNG, JPEG, BMP, TIFF, WebP, DICOM, NIfTI, Zip",
    "bringIn.drop": "Zum Auswerten loslassen",
    "samples.none": "Diese Seite hat keine Beispiele.",
    "uploads.title": "Wird ausgewertet",
    "uploads.progress": "Fortschritt von {name}",
    "uploads.all": "{done, number} von {total, number} ausgewertet",
    "upload.sending": "Wird gelesen, {percent}",
    "problem.server.title": "Auf der Seite ist ein Fehler aufgetreten",
    "problem.server.text":
      "Ihre Datei ist nicht die Ursache. Versuchen Sie es noch einmal; bleibt der Fehler, laden Sie die Seite neu.",
    "problem.offline.title": "Eine Datei dieser Seite konnte nicht geladen werden",
    "problem.offline.text": "Prüfen Sie die Verbindung und versuchen Sie es noch einmal.",
    "error.image-too-large": "Größer, als diese Seite liest.",
    "limits.title": "Grenzen dieser Seite",
    "limits.lead":
      "Dateien bis {file}. Große Volumen brauchen achtmal so viel freien Speicher, wie sie Voxel haben.",
    "limits.formats": "Formate: PNG, JPEG, BMP, TIFF, WebP, DICOM, NIfTI, Zip.",
  },
};
