import { lazy, Suspense, useMemo, useState } from "react";

import { Slider } from "@/components/ui/slider";
import { operatingPoint, type OperatingPoint } from "@/domain/operating-point";
import { useSettings } from "@/domain/settings";
import { countsOf, predictiveValues, PREVALENCES } from "@/domain/usefulness";
import type { Curve } from "@/features/model-card/components/curve-plot";
import { EstimateWords } from "@/features/model-card/components/estimate-words";
import { Folded } from "@/features/model-card/components/folded";
import styles from "@/features/model-card/components/model-room.module.css";
import type { ModelCard } from "@/lib/api/types";
import { useMessages } from "@/messages/use-messages";
import { useNumbers } from "@/messages/use-numbers";
import { usePointName } from "@/messages/use-point-name";

const CurvePlot = lazy(() => import("@/features/model-card/components/curve-plot"));

const LEAST = 0.005;
const MOST = 0.5;
const FIRST = 0.02;
const IMAGES = 10_000;
const STEPS = 80;
/** Shares at which the curves are drawn: as many between 0.5 and 5 % as between 5 and 50 %. */
const SHARES = Array.from(
  { length: STEPS + 1 },
  (_, step) => LEAST * (MOST / LEAST) ** (step / STEPS),
);
const X = SHARES.map(Math.log10);
/** Of the axis; one at 30 % would run into its neighbors on a phone. */
const TICKS = [0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
const RANGE = {
  x: [Math.log10(LEAST), Math.log10(MOST)] as [number, number],
  y: [0, 1] as [number, number],
};

/** What an answer means at a share of tumors that the reader chooses. */
export function Prevalence({ model }: { model: ModelCard }) {
  const chosen = useSettings((settings) => settings.operatingPoint);
  const point = operatingPoint(model, chosen) ?? operatingPoint(model, "");
  return point?.measured ? <Meaning name={point.name} measured={point.measured} /> : null;
}

interface MeaningProps {
  name: string;
  measured: NonNullable<OperatingPoint["measured"]>;
}

function Meaning({ name, measured }: MeaningProps) {
  const t = useMessages();
  const pointName = usePointName();
  const [share, setShare] = useState(FIRST);
  const counts = countsOf(IMAGES, share, measured);
  return (
    <section className={styles.section} aria-labelledby="meaning-title">
      <h2 id="meaning-title">{t("meaning.title")}</h2>
      <p>{t("meaning.lead", { point: pointName(name) })}</p>
      <div className={styles.chooser}>
        <Slider
          label={t("meaning.share")}
          value={share}
          onChange={setShare}
          least={LEAST}
          most={MOST}
          step={LEAST}
          format={{ style: "percent", minimumFractionDigits: 1 }}
        />
      </div>
      <p aria-live="polite">
        {t("meaning.counts", { of: IMAGES, called: counts.hits + counts.alarms, ...counts })}
      </p>
      <MeaningPlot measured={measured} share={share} />
      <MeaningHere measured={measured} share={share} />
      <Folded title={t("meaning.table")}>
        <MeaningTable measured={measured} shares={PREVALENCES} />
      </Folded>
      <p className="soft small">{t("meaning.note")}</p>
    </section>
  );
}

function MeaningPlot({ measured, share }: { measured: MeaningProps["measured"]; share: number }) {
  const t = useMessages();
  const numbers = useNumbers();
  const { sensitivity, specificity } = measured;
  const curves = useMemo<Curve[]>(() => {
    const found = SHARES.map((one) => predictiveValues(sensitivity, specificity, one));
    const curve = (name: "ppv" | "npv") => ({
      name: t(`meaning.${name}`),
      values: found.map((one) => one[name].estimate),
      band: {
        low: found.map((one) => one[name].low),
        high: found.map((one) => one[name].high),
      },
    });
    return [
      { ...curve("ppv"), color: "evidence", dash: "solid" },
      { ...curve("npv"), color: "mark", dash: "dashed" },
    ];
  }, [sensitivity, specificity, t]);
  const labels = useMemo(() => ({ x: t("meaning.share"), y: t("meaning.axis") }), [t]);
  const ticks = useMemo(
    () => TICKS.map((one) => ({ at: Math.log10(one), label: numbers.share(one) })),
    [numbers],
  );
  return (
    <Suspense fallback={<div className={styles.plot} />}>
      <CurvePlot
        x={X}
        curves={curves}
        labels={labels}
        range={RANGE}
        ticks={ticks}
        at={Math.log10(share)}
      />
    </Suspense>
  );
}

function MeaningHere({ measured, share }: { measured: MeaningProps["measured"]; share: number }) {
  const t = useMessages();
  const found = predictiveValues(measured.sensitivity, measured.specificity, share);
  const rows = [
    ["meaning.ppv", found.ppv],
    ["meaning.npv", found.npv],
    ["meaning.alarms", found.falseAlarms],
  ] as const;
  return (
    <table className={styles.table}>
      <tbody>
        {rows.map(([name, one]) => (
          <tr key={name}>
            <th scope="row">{t(name)}</th>
            <td>
              <EstimateWords one={one} />
            </td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

interface MeaningTableProps {
  measured: MeaningProps["measured"];
  shares: readonly number[];
}

function MeaningTable({ measured, shares }: MeaningTableProps) {
  const t = useMessages();
  const numbers = useNumbers();
  return (
    <table className={styles.table}>
      <thead>
        <tr>
          <th scope="col">{t("meaning.share")}</th>
          <th scope="col">{t("meaning.ppv")}</th>
          <th scope="col">{t("meaning.npv")}</th>
          <th scope="col">{t("meaning.alarms")}</th>
        </tr>
      </thead>
      <tbody>
        {shares.map((share) => {
          const found = predictiveValues(measured.sensitivity, measured.specificity, share);
          return (
            <tr key={share}>
              <th scope="row">{numbers.share(share)}</th>
              <td>
                <EstimateWords one={found.ppv} />
              </td>
              <td>
                <EstimateWords one={found.npv} />
              </td>
              <td>
                <EstimateWords one={found.falseAlarms} />
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}
