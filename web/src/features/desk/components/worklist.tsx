import { useDeferredValue, useState } from "react";
import type { SortDescriptor } from "react-aria-components/Table";

import { Later } from "@/components/later";
import { Button } from "@/components/ui/button";
import type { Case } from "@/domain/case";
import { toCsv, toJson } from "@/domain/export";
import { useSettings } from "@/domain/settings";
import { arrange, type Filter, type SortColumn } from "@/domain/worklist";
import { CaseTable } from "@/features/desk/components/case-table";
import { WorklistFilters } from "@/features/desk/components/worklist-filters";
import styles from "@/features/desk/components/worklist.module.css";
import { download } from "@/lib/download";
import { useMessages } from "@/messages/use-messages";

const IN_ORDER_OF_ARRIVAL: SortDescriptor = { column: "added", direction: "ascending" };

export function Worklist({ cases }: { cases: ReadonlyMap<string, Case> }) {
  const t = useMessages();
  const blind = useSettings((settings) => settings.blind);
  const [filter, setFilter] = useState<Filter>("all");
  const [search, setSearch] = useState("");
  const [sort, setSort] = useState(IN_ORDER_OF_ARRIVAL);
  // While answers stream in, typing and scrolling go first.
  const settled = useDeferredValue(cases);
  const shown = arrange(settled.values(), {
    filter,
    search,
    column: sort.column as SortColumn,
    isDescending: sort.direction === "descending",
    blind,
  });
  return (
    <section className={styles.worklist} aria-labelledby="worklist-title">
      <div className={styles.head}>
        <h2 id="worklist-title">{t("worklist.title")}</h2>
        <p className="soft small" role="status">
          {shown.length === settled.size
            ? t("worklist.count", { count: settled.size })
            : t("worklist.shown", { shown: shown.length, total: settled.size })}
        </p>
        <div className={styles.take}>
          <Button
            icon="download"
            onPress={() => {
              download("tumorscope.csv", new Blob([toCsv(shown)], { type: "text/csv" }));
            }}
          >
            {t("worklist.csv")}
          </Button>
          <Button
            icon="download"
            onPress={() => {
              download("tumorscope.json", new Blob([toJson(shown)], { type: "application/json" }));
            }}
          >
            {t("worklist.json")}
          </Button>
        </div>
      </div>
      <WorklistFilters filter={filter} onFilter={setFilter} search={search} onSearch={setSearch} />
      <Later>
        <CaseTable cases={shown} sort={sort} onSort={setSort} />
      </Later>
      <p className="soft small">{t("worklist.hint")}</p>
    </section>
  );
}
