/**
 * Name of a data set as the page shows it. A set of tumor-free scans is named after a word that the
 * page never says of anybody's scan.
 */
export function setName(id: string): string {
  return id.replace(/_normal$/, "");
}
