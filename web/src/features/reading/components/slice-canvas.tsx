import { useLayoutEffect, useMemo, useRef } from "react";

import type { DeepPicture, EvidenceMap } from "@/features/reading/api/slice-pictures";
import styles from "@/features/reading/components/slice-pane.module.css";
import { paintEvidence, paintSlice } from "@/features/reading/render/paint";
import type { Placement } from "@/features/reading/render/placement";
import type { GreyWindow } from "@/features/reading/render/window";

interface SliceCanvasProps {
  picture: DeepPicture;
  evidence: EvidenceMap | null;
  range: readonly number[];
  window: GreyWindow;
  invert: boolean;
  opacity: number;
  threshold: number;
  pane: { width: number; height: number };
  placement: Placement;
  /** For those who cannot see it. */
  label: string;
  /** Whether the evidence is still to come. */
  isBusy: boolean;
}

export function SliceCanvas(props: SliceCanvasProps) {
  const { picture, evidence, range, invert, opacity, threshold, pane, placement, label } = props;
  const { center, width } = props.window;
  const ref = useRef<HTMLCanvasElement>(null);
  const slice = useMemo(
    () => paintSlice(picture, { center, width }, range, invert),
    [picture, center, width, range, invert],
  );
  const overlay = useMemo(
    () => (evidence ? paintEvidence(evidence, opacity, threshold) : null),
    [evidence, opacity, threshold],
  );

  useLayoutEffect(() => {
    const canvas = ref.current;
    const context = canvas?.getContext("2d");
    if (!canvas || !context) return;
    const density = window.devicePixelRatio;
    canvas.width = Math.round(pane.width * density);
    canvas.height = Math.round(pane.height * density);
    context.scale(density, density);
    context.imageSmoothingQuality = "high";
    const { left, top, width: wide, height: tall } = placement;
    context.drawImage(slice, left, top, wide, tall);
    if (overlay) context.drawImage(overlay, left, top, wide, tall);
  }, [slice, overlay, pane, placement]);

  return (
    <div role="img" aria-label={label} aria-busy={props.isBusy} className={styles.canvas}>
      <canvas ref={ref} className={styles.canvas} />
    </div>
  );
}
