import { clsx } from "clsx";
import type { ReactNode } from "react";
import {
  Button as AriaButton,
  type ButtonProps as AriaButtonProps,
} from "react-aria-components/Button";

import { Icon, type IconName } from "@/components/ui/icon";
import styles from "@/components/ui/button.module.css";

interface ButtonProps extends Omit<AriaButtonProps, "className" | "style" | "children"> {
  children: ReactNode;
  icon?: IconName;
  tone?: "plain" | "main" | "ghost";
}

export function Button({ children, icon, tone = "plain", ...props }: ButtonProps) {
  return (
    <AriaButton {...props} className={clsx(styles.button, styles[tone])}>
      {icon ? <Icon name={icon} /> : null}
      {children}
    </AriaButton>
  );
}
