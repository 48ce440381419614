/** Line drawings on a 20 x 20 grid; decoration only, so hidden from assistive technology. */
const PATHS = {
  close: "M5 5l10 10M15 5L5 15",
  retry: "M15.5 10a5.5 5.5 0 1 1-1.7-4M15.5 3v3.5H12",
  check: "M4 10.5l4 4 8-9",
  zoomIn: "M9 4a5 5 0 1 1 0 10A5 5 0 0 1 9 4zM13 13l4 4M9 7v4M7 9h4",
  zoomOut: "M9 4a5 5 0 1 1 0 10A5 5 0 0 1 9 4zM13 13l4 4M7 9h4",
  fit: "M4 8V4h4M12 4h4v4M16 12v4h-4M8 16H4v-4",
  invert: "M10 3a7 7 0 1 0 0 14zM10 3a7 7 0 0 1 0 14",
  move: "M10 3v14M3 10h14M10 3L8 5M10 3l2 2M10 17l-2-2M10 17l2-2M3 10l2-2M3 10l2 2M17 10l-2-2M17 10l-2 2",
  contrast: "M10 5a5 5 0 1 1 0 10M10 5v10M10 1.5v1M10 17.5v1M1.5 10h1M17.5 10h1",
  target: "M10 5a5 5 0 1 1 0 10 5 5 0 0 1 0-10zM10 1.5V6M10 14v4.5M1.5 10H6M14 10h4.5",
  layers: "M10 3l7 4-7 4-7-4zM3 11l7 4 7-4",
  compare: "M3 4h6v12H3zM11 4h6v12h-6z",
  previous: "M12 4l-6 6 6 6",
  next: "M8 4l6 6-6 6",
  download: "M10 3v9M6 8.5l4 4 4-4M4 16h12",
  page: "M5 2.5h7l3 3V17.5H5zM12 2.5v3h3M7.5 9.5h5M7.5 12.5h5",
  settings: "M3 6h9M15 6h2M3 14h2M8 14h9M12 4v4M5 12v4",
  keys: "M3 5.5h14v9H3zM6 8.5h.01M9 8.5h.01M12 8.5h.01M15 8.5h.01M6 11.5h8",
  eyeOff:
    "M3 3l14 14M8 5.3A8 8 0 0 1 18 10a11 11 0 0 1-2.2 2.8M12 14.6A8 8 0 0 1 2 10a11 11 0 0 1 3-3.4",
  folder: "M2.5 5h5l2 2h8v9h-15z",
  file: "M5 2.5h7l3 3V17.5H5zM12 2.5v3h3",
} as const;

export type IconName = keyof typeof PATHS;

export function Icon({ name }: { name: IconName }) {
  return (
    <svg
      viewBox="0 0 20 20"
      width="1.25em"
      height="1.25em"
      aria-hidden="true"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.6"
      strokeLinecap="round"
      strokeLinejoin="round"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
