import { Button, type ButtonProps } from "react-aria-components/Button";
import { ToggleButton } from "react-aria-components/ToggleButton";
import { Tooltip, TooltipTrigger } from "react-aria-components/Tooltip";

import { Icon, type IconName } from "@/components/ui/icon";
import styles from "@/components/ui/icon-button.module.css";

interface IconButtonProps {
  icon: IconName;
  label: string;
  onPress: NonNullable<ButtonProps["onPress"]>;
  isDisabled?: boolean;
}

/** A button that is a drawing; its name shows on hover and focus. */
export function IconButton({ icon, label, onPress, isDisabled = false }: IconButtonProps) {
  return (
    <TooltipTrigger delay={400}>
      <Button
        className={styles.button}
        aria-label={label}
        onPress={onPress}
        isDisabled={isDisabled}
      >
        <Icon name={icon} />
      </Button>
      <Tooltip className={styles.tooltip}>{label}</Tooltip>
    </TooltipTrigger>
  );
}

interface IconToggleProps {
  icon: IconName;
  label: string;
  isSelected: boolean;
  onChange: (isSelected: boolean) => void;
}

export function IconToggle({ icon, label, isSelected, onChange }: IconToggleProps) {
  return (
    <TooltipTrigger delay={400}>
      <ToggleButton
        className={styles.button}
        aria-label={label}
        isSelected={isSelected}
        onChange={onChange}
      >
        <Icon name={icon} />
      </ToggleButton>
      <Tooltip className={styles.tooltip}>{label}</Tooltip>
    </TooltipTrigger>
  );
}
