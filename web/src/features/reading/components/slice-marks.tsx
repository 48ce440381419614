import type { ReactNode } from "react";

import type { Slice } from "@/domain/case";
import styles from "@/features/reading/components/slice-pane.module.css";
import { onPane, type Placement } from "@/features/reading/render/placement";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";

const OPPOSITES: Record<string, string> = { L: "R", R: "L", A: "P", P: "A", H: "F", F: "H" };

/** Letters of the body's sides at the edges, where the file tells them. */
export function SideLetters({ sides }: { sides: string[] | null }) {
  const t = useMessages();
  if (!sides) return null;
  const [left = "", top = ""] = sides;
  const letter = (text: string | undefined, place: string | undefined): ReactNode =>
    text ? <span className={place}>{text}</span> : null;
  return (
    <div className={styles.sides} role="img" aria-label={t("viewer.sides", { left, top })}>
      {letter(left, styles.left)}
      {letter(OPPOSITES[left], styles.right)}
      {letter(top, styles.top)}
      {letter(OPPOSITES[top], styles.bottom)}
    </div>
  );
}

interface PeakProps {
  slice: Slice;
  placement: Placement;
}

/** Ring around the strongest evidence, and the box around what hangs together with it. */
export function PeakMark({ slice, placement }: PeakProps) {
  const found = slice.answer.localization;
  if (!found) return null;
  const [row = 0, column = 0] = found.peak;
  const [row0 = 0, column0 = 0, row1 = 0, column1 = 0] = found.box;
  const peak = onPane([row, column], slice.view, placement);
  const from = onPane([row0 - 0.5, column0 - 0.5], slice.view, placement);
  const to = onPane([row1 + 0.5, column1 + 0.5], slice.view, placement);
  return (
    <svg className={styles.marks} aria-hidden="true">
      <rect
        x={from.x}
        y={from.y}
        width={to.x - from.x}
        height={to.y - from.y}
        className={styles.box}
      />
      <circle cx={peak.x} cy={peak.y} r="7" className={styles.ringShade} />
      <circle cx={peak.x} cy={peak.y} r="7" className={styles.ring} />
    </svg>
  );
}

interface CornerProps {
  slice: Slice;
  place: number;
  count: number;
  window: { center: number; width: number };
}

export function CornerWords({ slice, place, count, window }: CornerProps) {
  const t = useMessages();
  const numbers = useNumbers();
  const { position_mm: position, plane } = slice.view;
  return (
    <>
      <p className={styles.corner}>
        {count > 1 ? <span>{t("viewer.slice", { place: place + 1, count })}</span> : null}
        {position === null ? null : <span>{numbers.plain(position)} mm</span>}
        {plane ? <span>{t(`plane.${plane}`)}</span> : null}
      </p>
      <p className={styles.cornerBelow}>
        {t("viewer.window", {
          center: numbers.compact(window.center),
          width: numbers.compact(window.width),
        })}
      </p>
    </>
  );
}
