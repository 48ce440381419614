import { Button } from "react-aria-components/Button";
import { Menu, MenuItem, MenuTrigger } from "react-aria-components/Menu";
import { Popover } from "react-aria-components/Popover";
import { Toolbar as AriaToolbar } from "react-aria-components/Toolbar";

import { Icon } from "@/components/ui/icon";
import { IconButton, IconToggle } from "@/components/ui/icon-button";
import styles from "@/features/reading/components/toolbar.module.css";
import { MOST_ZOOM, WHOLE } from "@/features/reading/render/placement";
import type { PresetName } from "@/features/reading/render/window";
import type { ViewerChange, ViewerState } from "@/features/reading/viewer-state";
import { useMessages } from "@/messages/use-messages";

const PRESETS: readonly PresetName[] = ["stored", "range", "bright", "dark", "hard"];
const ZOOM_STEP = 1.4;

interface ToolbarProps {
  state: ViewerState;
  onChange: (change: ViewerChange) => void;
  onPreset: (name: PresetName) => void;
  isComparing: boolean;
  onCompare: (isComparing: boolean) => void;
  onKeys: () => void;
  isHidden: boolean;
}

export function Toolbar(props: ToolbarProps) {
  const { state, onChange, onPreset, isComparing, onCompare, onKeys, isHidden } = props;
  const { gaze } = state;
  const t = useMessages();
  const zoomTo = (zoom: number) => {
    onChange({ gaze: zoom <= 1 ? WHOLE : { ...gaze, zoom: Math.min(MOST_ZOOM, zoom) } });
  };
  return (
    <AriaToolbar aria-label={t("tool.group")} className={styles.toolbar}>
      <IconToggle
        icon="contrast"
        label={t("tool.window")}
        isSelected={state.tool === "window"}
        onChange={() => {
          onChange({ tool: "window" });
        }}
      />
      <IconToggle
        icon="move"
        label={t("tool.pan")}
        isSelected={state.tool === "pan"}
        onChange={() => {
          onChange({ tool: "pan" });
        }}
      />
      <span className={styles.gap} />
      <IconButton
        icon="zoomOut"
        label={t("tool.zoomOut")}
        onPress={() => {
          zoomTo(gaze.zoom / ZOOM_STEP);
        }}
      />
      <IconButton
        icon="zoomIn"
        label={t("tool.zoomIn")}
        onPress={() => {
          zoomTo(gaze.zoom * ZOOM_STEP);
        }}
      />
      <IconButton
        icon="fit"
        label={t("tool.fit")}
        onPress={() => {
          onChange({ gaze: WHOLE });
        }}
      />
      <span className={styles.gap} />
      <IconToggle
        icon="invert"
        label={t("tool.invert")}
        isSelected={state.invert}
        onChange={(invert) => {
          onChange({ invert });
        }}
      />
      <PresetMenu onPreset={onPreset} />
      <span className={styles.gap} />
      {isHidden ? null : <EvidenceTools state={state} onChange={onChange} />}
      <IconToggle
        icon="compare"
        label={t("tool.compare")}
        isSelected={isComparing}
        onChange={onCompare}
      />
      <IconButton icon="keys" label={t("tool.keys")} onPress={onKeys} />
    </AriaToolbar>
  );
}

function EvidenceTools({ state, onChange }: Pick<ToolbarProps, "state" | "onChange">) {
  const t = useMessages();
  return (
    <>
      <IconToggle
        icon="layers"
        label={t("tool.evidence")}
        isSelected={state.showEvidence}
        onChange={(showEvidence) => {
          onChange({ showEvidence });
        }}
      />
      <IconToggle
        icon="target"
        label={t("tool.peak")}
        isSelected={state.showPeak}
        onChange={(showPeak) => {
          onChange({ showPeak });
        }}
      />
    </>
  );
}

function PresetMenu({ onPreset }: Pick<ToolbarProps, "onPreset">) {
  const t = useMessages();
  return (
    <MenuTrigger>
      <Button className={styles.presets}>
        {t("tool.presets")}
        <Icon name="next" />
      </Button>
      <Popover className={styles.popover}>
        <Menu
          className={styles.menu}
          onAction={(key) => {
            const name = PRESETS.find((one) => one === key);
            if (name) onPreset(name);
          }}
        >
          {PRESETS.map((name) => (
            <MenuItem key={name} id={name} className={styles.item}>
              {t(`preset.${name}`)}
            </MenuItem>
          ))}
        </Menu>
      </Popover>
    </MenuTrigger>
  );
}
