import { SwitchButton, SwitchField } from "react-aria-components/Switch";

import styles from "@/components/ui/switch.module.css";

interface SwitchProps {
  label: string;
  isSelected: boolean;
  onChange: (isSelected: boolean) => void;
}

export function Switch({ label, isSelected, onChange }: SwitchProps) {
  return (
    <SwitchField isSelected={isSelected} onChange={onChange}>
      <SwitchButton className={styles.switch}>
        <span className={styles.track} aria-hidden="true" />
        {label}
      </SwitchButton>
    </SwitchField>
  );
}
