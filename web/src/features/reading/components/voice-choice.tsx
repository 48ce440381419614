import { Choice } from "@/components/ui/choice";
import { useSettings } from "@/domain/settings";
import { useMessages } from "@/messages/use-messages";

export function VoiceChoice() {
  const t = useMessages();
  const { voice, change } = useSettings();
  return (
    <Choice
      label={t("settings.voice")}
      isLabelHidden
      options={(["plain", "reader"] as const).map((value) => ({
        value,
        label: t(`voice.${value}`),
      }))}
      value={voice}
      onChange={(next) => {
        change({ voice: next });
      }}
    />
  );
}
