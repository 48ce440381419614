/** Hand a file to the reader. */
export function download(name: string, content: Blob): void {
  const url = URL.createObjectURL(content);
  const link = document.createElement("a");
  link.href = url;
  link.download = name;
  link.click();
  // After the click has been worked off.
  setTimeout(() => {
    URL.revokeObjectURL(url);
  }, 1000);
}
