import { clsx } from "clsx";
import type { ReactNode } from "react";

import { Icon, type IconName } from "@/components/ui/icon";
import styles from "@/components/ui/face.module.css";

interface FaceProps {
  title: string;
  text?: string;
  icon?: IconName;
  tone?: "calm" | "fault";
  children?: ReactNode;
}

/** What a view shows when it has no result to show: nothing yet, waiting, or a problem. */
export function Face({ title, text, icon, tone = "calm", children }: FaceProps) {
  return (
    <div className={clsx(styles.face, styles[tone])} role={tone === "fault" ? "alert" : "status"}>
      {icon ? <Icon name={icon} /> : null}
      <p className={styles.title}>{title}</p>
      {text ? <p className="soft">{text}</p> : null}
      {children}
    </div>
  );
}
