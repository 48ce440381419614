import { Slider } from "@/components/ui/slider";
import styles from "@/features/reading/components/viewer.module.css";
import type { ViewerChange, ViewerState } from "@/features/reading/viewer-state";
import { useMessages } from "@/messages/use-messages";

interface AdjustmentsProps {
  state: ViewerState;
  onChange: (change: ViewerChange) => void;
  isHidden: boolean;
}

const PERCENT: Intl.NumberFormatOptions = { style: "percent" };

/** Everything that a drag does, without a drag. */
export function Adjustments({ state, onChange, isHidden }: AdjustmentsProps) {
  const t = useMessages();
  const { gaze, window } = state;
  return (
    <div className={styles.sliders}>
      {isHidden ? null : (
        <>
          <Slider
            label={t("adjust.opacity")}
            value={state.opacity}
            onChange={(opacity) => {
              onChange({ opacity, showEvidence: true });
            }}
            {...{ least: 0, most: 1, step: 0.05, format: PERCENT }}
          />
          <Slider
            label={t("adjust.threshold")}
            value={state.threshold}
            onChange={(threshold) => {
              onChange({ threshold, showEvidence: true });
            }}
            {...{ least: 0, most: 1, step: 0.05, format: PERCENT }}
          />
        </>
      )}
      <Slider
        label={t("adjust.brightness")}
        value={-window.shift}
        onChange={(brightness) => {
          onChange({ window: { ...window, shift: -brightness } });
        }}
        {...{ least: -1, most: 1, step: 0.02, format: PERCENT }}
      />
      <Slider
        label={t("adjust.contrast")}
        value={-Math.log2(window.factor)}
        onChange={(contrast) => {
          onChange({ window: { ...window, factor: 2 ** -contrast } });
        }}
        {...{ least: -3, most: 3, step: 0.1 }}
      />
      {gaze.zoom > 1 ? (
        <>
          <Slider
            label={t("adjust.panX")}
            value={gaze.panX}
            onChange={(panX) => {
              onChange({ gaze: { ...gaze, panX } });
            }}
            {...{ least: -0.5, most: 0.5, step: 0.02, format: PERCENT }}
          />
          <Slider
            label={t("adjust.panY")}
            value={gaze.panY}
            onChange={(panY) => {
              onChange({ gaze: { ...gaze, panY } });
            }}
            {...{ least: -0.5, most: 0.5, step: 0.02, format: PERCENT }}
          />
        </>
      ) : null}
    </div>
  );
}
