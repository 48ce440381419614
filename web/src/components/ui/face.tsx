import { clsx } from "clsx";
import type { ReactNode } from "react";

import { Icon, type IconName } from "@/components/ui/icon";
import styles from "@/components/ui/face.module.css";

interface FaceProps {
  title: string;
  text?: string;
  icon?: IconName;
  tone?: "calm" | "fault";
  /** It stands for the whole view, whose heading it then is. */
  isView?: boolean;
  children?: ReactNode;
}

/** What a view shows when it has no result to show: nothing yet, waiting, or a problem. */
export function Face(props: FaceProps) {
  const { title, text, icon, tone = "calm", isView = false, children } = props;
  const Title = isView ? "h1" : "p";
  return (
    <div className={clsx(styles.face, styles[tone])} role={tone === "fault" ? "alert" : "status"}>
      {icon ? <Icon name={icon} /> : null}
      <Title className={styles.title}>{title}</Title>
      {text ? <p className="soft">{text}</p> : null}
      {children}
    </div>
  );
}
