import { clsx } from "clsx";
import { Label } from "react-aria-components/Label";
import {
  Slider as AriaSlider,
  SliderOutput,
  SliderThumb,
  SliderTrack,
} from "react-aria-components/Slider";

import styles from "@/components/ui/slider.module.css";

interface SliderProps {
  label: string;
  value: number;
  onChange: (value: number) => void;
  least: number;
  most: number;
  step: number;
  format?: Intl.NumberFormatOptions;
  /** Label and number beside the track instead of above it. */
  isInline?: boolean;
}

export function Slider(props: SliderProps) {
  const { label, value, onChange, least, most, step, format, isInline = false } = props;
  return (
    <AriaSlider
      className={clsx(styles.slider, isInline && styles.inline)}
      value={value}
      onChange={onChange}
      minValue={least}
      maxValue={most}
      step={step}
      formatOptions={format}
    >
      <Label className={styles.label}>{label}</Label>
      <SliderOutput className={styles.output} />
      <SliderTrack className={styles.track}>
        <SliderThumb className={styles.thumb} />
      </SliderTrack>
    </AriaSlider>
  );
}
