/** Slices as a viewer shows them: Python's serving/http_api/jobs/pictures.py. */

import type { SliceView } from "@/lib/api/types";
import type { DeepPicture } from "@/lib/engine/types";
import { DEEP_MAXIMUM, PICTURE_SIDE, SHOWN_PERCENTILES } from "@/local/constants.gen";
import { percentiles, range, rint } from "@/local/imaging/numeric";
import type { Grey, Scan } from "@/local/imaging/scan";

type Described = Omit<SliceView, "index" | "series" | "image" | "evidence">;

/** Of a picture as large as a thumb, on the finest screens. */
const SMALL_SIDE = 256;

export function describeSlice(scan: Scan): Described {
  const { rows, columns, values } = scan.pixels;
  const [low, high] = range(values);
  const [black = low, white = high] = percentiles(values.slice(), SHOWN_PERCENTILES);
  return {
    rows,
    columns,
    spacing_mm: scan.spacingMm,
    position_mm: scan.positionMm,
    plane: scan.plane,
    sides: scan.sides as Described["sides"],
    study_instance_uid: scan.studyUid,
    series_description: scan.seriesDescription,
    value_range: [low, high],
    window: white > black ? [black, white] : [low, high],
  };
}

/** All grey values, from the least at 0 to the greatest at 65535. */
export function deepPicture(pixels: Grey): DeepPicture {
  const [low, high] = range(pixels.values);
  const { rows, columns, values } = halved(pixels, PICTURE_SIDE);
  const factor = DEEP_MAXIMUM / Math.max(high - low, 1e-12);
  return {
    width: columns,
    height: rows,
    pixels: Uint16Array.from(values, (value) => rint((value - low) * factor)),
  };
}

/** Eight bits through the window of the view, for the small picture beside a name. */
export function smallPicture(pixels: Grey, window: readonly number[]): DeepPicture {
  const { rows, columns, values } = halved(pixels, SMALL_SIDE);
  const [black = 0, white = 1] = window;
  const factor = 255 / Math.max(white - black, 1e-12);
  const grey = Uint16Array.from(values, (value) =>
    rint(Math.min(255, Math.max(0, (value - black) * factor))),
  );
  return { width: columns, height: rows, pixels: grey };
}

function halved(pixels: Grey, most: number): Grey {
  let shown = pixels;
  while (Math.max(shown.rows, shown.columns) > most) {
    const { rows: tall, columns: wide, values } = shown;
    const [rows, columns] = [Math.floor(tall / 2), Math.floor(wide / 2)];
    const at = (row: number, column: number) => values[row * wide + column] ?? 0;
    shown = {
      rows,
      columns,
      values: Float32Array.from({ length: rows * columns }, (_, index) => {
        const row = 2 * Math.floor(index / columns);
        const column = 2 * (index % columns);
        const sum =
          at(row, column) + at(row, column + 1) + at(row + 1, column) + at(row + 1, column + 1);
        return sum / 4;
      }),
    };
  }
  return shown;
}
