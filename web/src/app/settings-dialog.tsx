import { Choice } from "@/components/ui/choice";
import { SectionDialog } from "@/components/ui/section-dialog";
import { Switch } from "@/components/ui/switch";
import { useSettings } from "@/domain/settings";
import { useMessages } from "@/messages/use-messages";

interface SettingsDialogProps {
  isOpen: boolean;
  onClose: () => void;
}

export function SettingsDialog({ isOpen, onClose }: SettingsDialogProps) {
  const t = useMessages();
  const settings = useSettings();
  const { change } = settings;
  return (
    <SectionDialog title={t("settings.open")} isOpen={isOpen} onClose={onClose}>
      <Choice
        label={t("settings.language")}
        options={[
          { value: "en", label: "English" },
          { value: "de", label: "Deutsch" },
        ]}
        value={settings.language}
        onChange={(language) => {
          change({ language });
        }}
      />
      <Choice
        label={t("settings.theme")}
        options={(["system", "light", "dark"] as const).map((value) => ({
          value,
          label: t(`theme.${value}`),
        }))}
        value={settings.theme}
        onChange={(theme) => {
          change({ theme });
        }}
      />
      <Choice
        label={t("settings.voice")}
        options={(["plain", "reader"] as const).map((value) => ({
          value,
          label: t(`voice.${value}`),
        }))}
        value={settings.voice}
        onChange={(voice) => {
          change({ voice });
        }}
      />
      <div>
        <Switch
          label={t("settings.blind")}
          isSelected={settings.blind}
          onChange={(blind) => {
            change({ blind });
          }}
        />
        <p className="soft small">{t("settings.blind.help")}</p>
      </div>
    </SectionDialog>
  );
}
