import { useState } from "react";
import { Button as AriaButton } from "react-aria-components/Button";
import { Disclosure, DisclosurePanel } from "react-aria-components/Disclosure";

import { Later } from "@/components/later";
import { Slider } from "@/components/ui/slider";
import { titleOf, type Case } from "@/domain/case";
import { Adjustments } from "@/features/reading/components/adjustments";
import { ComparePane } from "@/features/reading/components/compare-pane";
import { KeysDialog } from "@/features/reading/components/keys-dialog";
import { SlicePane } from "@/features/reading/components/slice-pane";
import { StripChart } from "@/features/reading/components/strip-chart";
import { Toolbar } from "@/features/reading/components/toolbar";
import styles from "@/features/reading/components/viewer.module.css";
import { ownWindow, preset } from "@/features/reading/render/window";
import type { ViewerChange, ViewerState } from "@/features/reading/viewer-state";
import { useMessages } from "@/messages/use-messages";

interface ViewerProps {
  one: Case;
  /** For comparison. */
  others: Case[];
  index: number;
  onIndex: (index: number) => void;
  state: ViewerState;
  onChange: (change: ViewerChange) => void;
  threshold: number | null;
  isHidden: boolean;
}

export function Viewer(props: ViewerProps) {
  const { one, others, index, onIndex, state, onChange, isHidden } = props;
  const t = useMessages();
  const [isComparing, setComparing] = useState(false);
  const [showsKeys, setShowsKeys] = useState(false);
  const view = one.slices[index]?.view;
  return (
    <section className={styles.viewer} aria-label={t("viewer.label", { name: titleOf(one) })}>
      <Toolbar
        state={state}
        onChange={onChange}
        onPreset={(name) => {
          const own = ownWindow(one.slices.map((slice) => slice.view));
          if (view) onChange({ window: preset(name, own, view) });
        }}
        isComparing={isComparing}
        onCompare={setComparing}
        onKeys={() => {
          setShowsKeys(true);
        }}
        isHidden={isHidden}
      />
      <div className={styles.panes} data-comparing={isComparing}>
        <div className={styles.paneWithHead}>
          {isComparing ? <p className={styles.paneHead}>{titleOf(one)}</p> : null}
          <SlicePane {...{ one, index, onIndex, state, onChange, isHidden }} />
        </div>
        {isComparing ? <ComparePane {...{ one, others, index, state, onChange }} /> : null}
      </div>
      <Below {...props} />
      <KeysDialog
        isOpen={showsKeys}
        onClose={() => {
          setShowsKeys(false);
        }}
      />
    </section>
  );
}

function Below({ one, index, onIndex, state, onChange, threshold, isHidden }: ViewerProps) {
  const t = useMessages();
  return (
    <div className={styles.below}>
      {one.slices.length > 1 ? (
        <>
          {isHidden ? null : <StripChart {...{ one, index, onIndex, threshold }} />}
          <Slider
            label={t("adjust.slice")}
            value={index + 1}
            onChange={(place) => {
              onIndex(place - 1);
            }}
            {...{ least: 1, most: one.slices.length, step: 1 }}
            isInline
          />
        </>
      ) : null}
      <Disclosure>
        <AriaButton slot="trigger" className={styles.adjust}>
          {t("adjust.title")}
        </AriaButton>
        <DisclosurePanel>
          <Later>
            <Adjustments state={state} onChange={onChange} isHidden={isHidden} />
          </Later>
        </DisclosurePanel>
      </Disclosure>
    </div>
  );
}
