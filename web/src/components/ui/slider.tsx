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
}

export function Slider({ label, value, onChange, least, most, step, format }: SliderProps) {
  return (
    <AriaSlider
      className={styles.slider}
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
