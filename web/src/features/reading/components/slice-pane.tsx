import { useQuery } from "@tanstack/react-query";
import { useMemo, useRef } from "react";

import { Face } from "@/components/ui/face";
import { ProblemFace } from "@/components/ui/problem-face";
import { titleOf, type Case, type Slice } from "@/domain/case";
import { deepPictureQuery, evidenceQuery } from "@/features/reading/api/slice-pictures";
import { SliceCanvas } from "@/features/reading/components/slice-canvas";
import { CornerWords, PeakMark, SideLetters } from "@/features/reading/components/slice-marks";
import styles from "@/features/reading/components/slice-pane.module.css";
import { place } from "@/features/reading/render/placement";
import { changed, ownWindow } from "@/features/reading/render/window";
import { usePaneKeys } from "@/features/reading/use-pane-keys";
import { usePanePointer } from "@/features/reading/use-pane-pointer";
import { usePrefetch } from "@/features/reading/use-prefetch";
import { useSize } from "@/components/use-size";
import type { ViewerChange, ViewerState } from "@/features/reading/viewer-state";
import { asProblem } from "@/lib/problem";
import { useMessages } from "@/messages/use-messages";

export interface SlicePaneProps {
  one: Case;
  index: number;
  onIndex: (index: number) => void;
  state: ViewerState;
  onChange: (change: ViewerChange) => void;
  /** Blind reading: no evidence, no mark. */
  isHidden: boolean;
}

/** One slice with its evidence; wheel, drag and keys look around in it. */
export function SlicePane(props: SlicePaneProps) {
  const { one, index } = props;
  const slice = one.slices[index];
  const t = useMessages();
  const ref = useRef<HTMLDivElement>(null);
  const pane = useSize(ref);
  const placement = useMemo(
    () => (slice ? place(slice.view, pane, props.state.gaze) : null),
    [slice, pane, props.state.gaze],
  );
  const onKeyDown = usePaneKeys(props);
  const pointer = usePanePointer(ref, props, placement);
  usePrefetch(one, index);

  return (
    // eslint-disable-next-line jsx-a11y/no-noninteractive-element-interactions -- see tabIndex
    <div
      ref={ref}
      className={styles.pane}
      data-tool={props.state.tool}
      data-zoomed={props.state.gaze.zoom > 1}
      role="group"
      aria-roledescription={t("viewer.role")}
      aria-label={t("viewer.label", { name: titleOf(one) })}
      // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex -- the keys of a viewer need a place to land
      tabIndex={0}
      onKeyDown={onKeyDown}
      {...pointer}
    >
      {slice && placement && pane.width > 0 ? (
        <PaneContent {...props} slice={slice} pane={pane} placement={placement} />
      ) : null}
    </div>
  );
}

interface PaneContentProps extends SlicePaneProps {
  slice: Slice;
  pane: { width: number; height: number };
  placement: NonNullable<ReturnType<typeof place>>;
}

function PaneContent(props: PaneContentProps) {
  const { one, index, slice, state, isHidden, pane, placement } = props;
  const t = useMessages();
  const picture = useQuery(deepPictureQuery(slice.view));
  const evidence = useQuery(evidenceQuery(isHidden ? undefined : slice.view));
  const views = useMemo(() => one.slices.map((other) => other.view), [one.slices]);
  const window = useMemo(() => changed(ownWindow(views), state.window), [views, state.window]);

  if (picture.error) {
    const retry = () => void picture.refetch();
    return <ProblemFace problem={asProblem(picture.error)} onRetry={retry} />;
  }
  if (!picture.data) return <Face title={t("viewer.loading")} />;
  return (
    <>
      <SliceCanvas
        picture={picture.data}
        evidence={state.showEvidence && !isHidden ? (evidence.data ?? null) : null}
        range={slice.view.value_range}
        window={window}
        invert={state.invert}
        opacity={state.opacity}
        threshold={state.threshold}
        pane={pane}
        placement={placement}
        label={t("viewer.picture", { place: index + 1, count: one.slices.length })}
        isBusy={evidence.isLoading}
      />
      {state.showPeak && !isHidden ? <PeakMark slice={slice} placement={placement} /> : null}
      <SideLetters sides={slice.view.sides} />
      <CornerWords slice={slice} place={index} count={one.slices.length} window={window} />
    </>
  );
}
