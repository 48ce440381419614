import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { Button } from "react-aria-components/Button";

import { Face } from "@/components/ui/face";
import { ProblemFace } from "@/components/ui/problem-face";
import { Icon } from "@/components/ui/icon";
import type { PickedFile } from "@/domain/upload-plan";
import styles from "@/features/desk/components/samples.module.css";
import { samplesQuery } from "@/lib/api/queries";
import type { Sample } from "@/lib/api/types";
import { engine } from "@/lib/engine/engine";
import { asProblem, type Problem } from "@/lib/problem";
import { useMessages } from "@/messages/use-messages";

export function Samples({ onFiles }: { onFiles: (picked: PickedFile[]) => void }) {
  const t = useMessages();
  const { data, error, isPending, refetch } = useQuery(samplesQuery);
  const [problem, setProblem] = useState<Problem | null>(null);

  const bring = (sample: Sample) => {
    setProblem(null);
    fetchSample(sample).then(onFiles, (fault: unknown) => {
      setProblem(asProblem(fault));
    });
  };

  if (isPending) return <Face title={t("samples.loading")} />;
  if (error) return <ProblemFace problem={asProblem(error)} onRetry={() => void refetch()} />;
  if (data.length === 0) return <Face title={t("samples.none")} />;
  return (
    <section className={styles.samples} aria-labelledby="samples-title">
      <h2 id="samples-title">{t("samples.title")}</h2>
      <p className="soft small">{t("samples.note")}</p>
      {problem ? (
        <ProblemFace
          problem={problem}
          onRetry={() => {
            setProblem(null);
          }}
        />
      ) : null}
      <ul className={styles.list}>
        {data.map((sample) => (
          <li key={sample.name}>
            <Button
              className={styles.sample}
              onPress={() => {
                bring(sample);
              }}
            >
              <Icon name={sample.kind === "series" ? "layers" : "file"} />
              {isKnown(sample.name) ? t(`sample.${sample.name}`) : sample.title}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

const KNOWN = ["with-lesion", "without-lesion", "series"] as const;

function isKnown(name: string): name is (typeof KNOWN)[number] {
  return (KNOWN as readonly string[]).includes(name);
}

async function fetchSample(sample: Sample): Promise<PickedFile[]> {
  const blob = await engine.sampleFile(sample);
  const file = new File([blob], sample.file_name, { type: sample.media_type });
  return [{ file, path: sample.file_name }];
}
