import { useQuery } from "@tanstack/react-query";

import { Button } from "@/components/ui/button";
import { Face } from "@/components/ui/face";
import { ProblemFace } from "@/components/ui/problem-face";
import { readEvaluation } from "@/domain/model-evaluation";
import { Confusion } from "@/features/model-card/components/confusion";
import { Controls } from "@/features/model-card/components/controls";
import { DataCards } from "@/features/model-card/components/data-cards";
import { DecisionCurves } from "@/features/model-card/components/decision-curves";
import { IntendedUse } from "@/features/model-card/components/intended-use";
import { Measures } from "@/features/model-card/components/measures";
import styles from "@/features/model-card/components/model-room.module.css";
import { NoAnswer } from "@/features/model-card/components/no-answer";
import { OperatingPoints } from "@/features/model-card/components/operating-points";
import { Prevalence } from "@/features/model-card/components/prevalence";
import { Reliability } from "@/features/model-card/components/reliability";
import { ServiceLimits } from "@/features/model-card/components/service-limits";
import { Subgroups } from "@/features/model-card/components/subgroups";
import { TrainingData } from "@/features/model-card/components/training-data";
import { WeakParts } from "@/features/model-card/components/weak-parts";
import { readSplits } from "@/features/model-card/read-splits";
import { modelQuery } from "@/lib/api/queries";
import type { ModelCard } from "@/lib/api/types";
import { download } from "@/lib/download";
import { asProblem } from "@/lib/problem";
import { useMessages } from "@/messages/use-messages";

/** What one should know before one believes an answer. */
export function ModelRoom() {
  const t = useMessages();
  const { data: model, error, refetch } = useQuery(modelQuery);
  if (error)
    return <ProblemFace isView problem={asProblem(error)} onRetry={() => void refetch()} />;
  if (!model) return <Face isView title={t("model.loading")} />;
  const evaluation = readEvaluation(model.card);
  return (
    <div className={styles.room}>
      <ModelHead model={model} isMeasured={evaluation !== null} />
      <IntendedUse />
      {evaluation ? <WeakParts evaluation={evaluation} card={model.card} /> : null}
      <OperatingPoints model={model} />
      <NoAnswer model={model} evaluation={evaluation} />
      {evaluation ? (
        <>
          <Measures evaluation={evaluation} />
          <Reliability evaluation={evaluation} />
          <Confusion evaluation={evaluation} />
          <Prevalence model={model} />
          <DecisionCurves evaluation={evaluation} />
          <Subgroups evaluation={evaluation} />
          <Controls evaluation={evaluation} />
        </>
      ) : (
        <Face title={t("model.noEvaluation")} text={t("model.noEvaluation.text")} />
      )}
      <TrainingData splits={readSplits(model.card)} />
      <DataCards card={model.card} />
      <ServiceLimits model={model} />
    </div>
  );
}

function ModelHead({ model, isMeasured }: { model: ModelCard; isMeasured: boolean }) {
  const t = useMessages();
  return (
    <header className={styles.section}>
      <h1>{t("model.title")}</h1>
      <p>
        {t("model.lead")} {isMeasured ? t("model.measured") : null}
      </p>
      <dl className={styles.identity}>
        <dt>{t("model.id")}</dt>
        <dd>{model.model.id}</dd>
        <dt>{t("model.version")}</dt>
        <dd>{model.model.version}</dd>
        <dt>{t("model.sha")}</dt>
        <dd className={styles.digest}>{model.model.sha256}</dd>
      </dl>
      <div>
        <Button
          icon="download"
          onPress={() => {
            const text = JSON.stringify(model, null, 1);
            download("tumorscope-model.json", new Blob([text], { type: "application/json" }));
          }}
        >
          {t("model.card")}
        </Button>
      </div>
    </header>
  );
}
