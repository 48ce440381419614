import type { ReactNode } from "react";
import { Button } from "react-aria-components/Button";
import { Disclosure, DisclosurePanel } from "react-aria-components/Disclosure";

import styles from "@/features/model-card/components/model-room.module.css";

/** What is there for who asks for it; the panel is a group of that name. */
export function Folded({ title, children }: { title: string; children: ReactNode }) {
  return (
    <Disclosure>
      {({ isExpanded }) => (
        <>
          <Button slot="trigger" className={styles.trigger}>
            {title}
          </Button>
          <DisclosurePanel>
            {isExpanded ? (
              // Focusable so that keys can scroll it where it is wider than the screen.
              // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
              <div className={styles.scroll} tabIndex={0}>
                {children}
              </div>
            ) : null}
          </DisclosurePanel>
        </>
      )}
    </Disclosure>
  );
}
