import { useState } from "react";
import { Button } from "react-aria-components/Button";
import { Label } from "react-aria-components/Label";
import { ListBox, ListBoxItem } from "react-aria-components/ListBox";
import { Popover } from "react-aria-components/Popover";
import { Select, SelectValue } from "react-aria-components/Select";

import { Icon } from "@/components/ui/icon";
import { Switch } from "@/components/ui/switch";
import { isHidden, titleOf, type Case } from "@/domain/case";
import { useSettings } from "@/domain/settings";
import { SlicePane } from "@/features/reading/components/slice-pane";
import toolbar from "@/features/reading/components/toolbar.module.css";
import styles from "@/features/reading/components/viewer.module.css";
import type { ViewerChange, ViewerState } from "@/features/reading/viewer-state";
import { useMessages } from "@/messages/use-messages";

interface ComparePaneProps {
  one: Case;
  others: Case[];
  index: number;
  state: ViewerState;
  onChange: (change: ViewerChange) => void;
}

/** A second slice beside the first: of the same case, or of another one. */
export function ComparePane({ one, others, index, state, onChange }: ComparePaneProps) {
  const t = useMessages();
  const blind = useSettings((settings) => settings.blind);
  const [chosen, setChosen] = useState(others[0]?.id ?? one.id);
  const [isTogether, setTogether] = useState(true);
  const [own, setOwn] = useState(index);
  const other = others.find((candidate) => candidate.id === chosen) ?? one;
  const shown = isTogether && other !== one ? counterpart(index, one, other) : clamp(own, other);
  return (
    <div className={styles.paneWithHead}>
      <div className={styles.paneHead}>
        <CaseSelect one={one} others={others} chosen={chosen} onChoose={setChosen} />
        {other === one ? null : (
          <Switch label={t("compare.together")} isSelected={isTogether} onChange={setTogether} />
        )}
      </div>
      <SlicePane
        one={other}
        index={shown}
        onIndex={(place) => {
          setTogether(false);
          setOwn(place);
        }}
        state={state}
        onChange={onChange}
        isHidden={isHidden(other, blind)}
      />
    </div>
  );
}

/** The slice at the same share of the way through another series. */
function counterpart(index: number, from: Case, to: Case): number {
  const way = from.slices.length > 1 ? index / (from.slices.length - 1) : 0;
  return Math.round(way * (to.slices.length - 1));
}

function clamp(index: number, one: Case): number {
  return Math.min(one.slices.length - 1, Math.max(0, index));
}

interface CaseSelectProps {
  one: Case;
  others: Case[];
  chosen: string;
  onChoose: (id: string) => void;
}

function CaseSelect({ one, others, chosen, onChoose }: CaseSelectProps) {
  const t = useMessages();
  const items = [
    { id: one.id, name: t("compare.same") },
    ...others.map((other) => ({ id: other.id, name: titleOf(other) })),
  ];
  return (
    <Select
      value={chosen}
      onChange={(key) => {
        onChoose(String(key));
      }}
    >
      <Label className="visually-hidden">{t("compare.with")}</Label>
      <Button className={toolbar.presets}>
        <SelectValue />
        <Icon name="next" />
      </Button>
      <Popover className={toolbar.popover}>
        <ListBox items={items} className={toolbar.menu}>
          {(item) => <ListBoxItem className={toolbar.item}>{item.name}</ListBoxItem>}
        </ListBox>
      </Popover>
    </Select>
  );
}
