import { Input } from "react-aria-components/Input";
import { Label } from "react-aria-components/Label";
import { SearchField } from "react-aria-components/SearchField";

import { Choice } from "@/components/ui/choice";
import { Switch } from "@/components/ui/switch";
import { OUTCOMES } from "@/domain/answer";
import { useSettings } from "@/domain/settings";
import type { Filter } from "@/domain/worklist";
import styles from "@/features/desk/components/worklist.module.css";
import { useMessages } from "@/messages/use-messages";

interface WorklistFiltersProps {
  filter: Filter;
  onFilter: (filter: Filter) => void;
  search: string;
  onSearch: (search: string) => void;
}

export function WorklistFilters({ filter, onFilter, search, onSearch }: WorklistFiltersProps) {
  const t = useMessages();
  const { blind, change } = useSettings();
  const options: { value: Filter; label: string }[] = [
    { value: "all", label: t("filter.all") },
    ...OUTCOMES.map((outcome) => ({ value: outcome, label: t(`outcome.${outcome}`) })),
    { value: "unread", label: t("filter.unread") },
  ];
  return (
    <div className={styles.filters}>
      <Choice label={t("worklist.filter")} options={options} value={filter} onChange={onFilter} />
      <SearchField value={search} onChange={onSearch} className={styles.search}>
        <Label>{t("worklist.search")}</Label>
        <Input className={styles.input} />
      </SearchField>
      <Switch
        label={t("settings.blind")}
        isSelected={blind}
        onChange={(isBlind) => {
          change({ blind: isBlind });
        }}
      />
    </div>
  );
}
