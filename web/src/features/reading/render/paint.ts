/** Pixels of a slice and of its evidence, as canvases that are then only stretched. */

import type { EvidenceMap, DeepPicture } from "@/features/reading/api/slice-pictures";
import { greyTable, type GreyWindow } from "@/features/reading/render/window";

export function paintSlice(
  picture: DeepPicture,
  window: GreyWindow,
  range: readonly number[],
  invert: boolean,
): HTMLCanvasElement {
  const table = greyTable(window, range, invert);
  const [canvas, context] = newCanvas(picture.width, picture.height);
  const image = context.createImageData(picture.width, picture.height);
  const words = new Uint32Array(image.data.buffer);
  const { pixels } = picture;
  for (let index = 0; index < pixels.length; index += 1) {
    const grey = table[pixels[index] ?? 0] ?? 0;
    words[index] = 0xff000000 | (grey << 16) | (grey << 8) | grey;
  }
  context.putImageData(image, 0, 0);
  return canvas;
}

/**
 * Evidence from red over amber to yellow, ordered in lightness, so that it is read without telling
 * hues apart; the same colors as in the overlays of the command line.
 */
export function paintEvidence(
  map: EvidenceMap,
  opacity: number,
  threshold: number,
): HTMLCanvasElement {
  const [canvas, context] = newCanvas(map.width, map.height);
  const image = context.createImageData(map.width, map.height);
  map.values.forEach((value, index) => {
    const evidence = value / 255;
    const alpha = evidence < threshold ? 0 : opacity * Math.sqrt(evidence);
    image.data.set([255, 230 * evidence, 40 * evidence, 255 * alpha], index * 4);
  });
  context.putImageData(image, 0, 0);
  return canvas;
}

function newCanvas(width: number, height: number): [HTMLCanvasElement, CanvasRenderingContext2D] {
  const canvas = document.createElement("canvas");
  canvas.width = width;
  canvas.height = height;
  const context = canvas.getContext("2d");
  if (!context) throw new Error("This browser draws no canvas.");
  return [canvas, context];
}
