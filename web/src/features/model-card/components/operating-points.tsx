import { useState } from "react";
import { RadioButton, RadioField, RadioGroup } from "react-aria-components/RadioGroup";

import { Button } from "@/components/ui/button";
import { useDesk, useUploads } from "@/domain/desk-context";
import { operatingPoint, type OperatingPoint } from "@/domain/operating-point";
import { useSettings } from "@/domain/settings";
import { EstimateWords } from "@/features/model-card/components/estimate-words";
import styles from "@/features/model-card/components/model-room.module.css";
import type { ModelCard } from "@/lib/api/types";
import type { MessageKey } from "@/messages/catalogue";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";
import { usePointName } from "@/messages/use-point-name";

export function OperatingPoints({ model }: { model: ModelCard }) {
  const t = useMessages();
  const { operatingPoint: chosen, change } = useSettings();
  const points = Object.keys(model.operating_points)
    .flatMap((name) => operatingPoint(model, name) ?? [])
    .toSorted((a, b) => a.threshold - b.threshold);
  const current = operatingPoint(model, chosen)?.name ?? model.default_operating_point;
  return (
    <section className={styles.section} aria-labelledby="points-title">
      <h2 id="points-title">{t("points.title")}</h2>
      <p>{t("points.lead")}</p>
      <RadioGroup
        aria-label={t("points.choose")}
        value={current}
        onChange={(name) => {
          change({ operatingPoint: name });
        }}
        className={styles.points}
      >
        {points.map((point) => (
          <PointCard key={point.name} point={point} />
        ))}
      </RadioGroup>
      <AskAgain name={current} />
    </section>
  );
}

const HELP: Record<string, MessageKey> = {
  balanced: "points.balanced.help",
  rule_in: "points.rule_in.help",
  rule_out: "points.rule_out.help",
};

function PointCard({ point }: { point: OperatingPoint }) {
  const t = useMessages();
  const numbers = useNumbers();
  const pointName = usePointName();
  const help = HELP[point.name];
  return (
    <RadioField value={point.name}>
      <RadioButton className={styles.point}>
        <span className={styles.pointName}>{pointName(point.name)}</span>
        <span>{t("points.threshold", { value: numbers.three(point.threshold) })}</span>
        {help ? <span className="soft small">{t(help)}</span> : null}
        {point.measured ? (
          <span className="small">
            {t("measure.sensitivity")} <EstimateWords one={point.measured.sensitivity} />
            <br />
            {t("measure.specificity")} <EstimateWords one={point.measured.specificity} />
          </span>
        ) : null}
      </RadioButton>
    </RadioField>
  );
}

function AskAgain({ name }: { name: string }) {
  const t = useMessages();
  const { uploader } = useDesk();
  const uploads = [...useUploads().values()];
  const [asked, setAsked] = useState(false);
  const isOutdated = uploads.some((upload) => upload.operatingPoint !== name);
  if (asked) return <p role="status">{t("points.asked")}</p>;
  if (!isOutdated) return null;
  return (
    <div>
      <Button
        icon="retry"
        onPress={() => {
          uploader.askAgain(name);
          setAsked(true);
        }}
      >
        {t("points.askAgain")}
      </Button>
    </div>
  );
}
