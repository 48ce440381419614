import { setName } from "@/domain/set-name";
import { Folded } from "@/features/model-card/components/folded";
import styles from "@/features/model-card/components/model-room.module.css";
import { readSources } from "@/features/model-card/read-sources";
import { useMessages } from "@/messages/use-messages";

const SHOWN = ["origin", "people", "labels", "wrong", "use", "citation", "page"] as const;

/** Where the training images come from, and what is wrong with them; in English, as they are. */
export function DataCards({ card }: { card: Readonly<Record<string, unknown>> }) {
  const t = useMessages();
  const sources = readSources(card);
  if (sources.length === 0) return null;
  return (
    <section className={styles.section} aria-labelledby="cards-title">
      <h2 id="cards-title">{t("cards.title")}</h2>
      <p>{t("cards.lead")}</p>
      {sources.map((source) => (
        <Folded key={source.set} title={setName(source.set)}>
          <dl className={styles.identity} lang="en">
            <dt>{t("cards.name")}</dt>
            <dd>{setName(source.title)}</dd>
            <dt>{t("cards.licence")}</dt>
            <dd>
              {source.licence} ({t(source.isConfirmed ? "cards.confirmed" : "cards.unconfirmed")})
            </dd>
            {SHOWN.filter((name) => source[name]).map((name) => (
              <CardLine key={name} name={t(`cards.${name}`)} text={source[name]} />
            ))}
          </dl>
        </Folded>
      ))}
    </section>
  );
}

function CardLine({ name, text }: { name: string; text: string }) {
  return (
    <>
      <dt>{name}</dt>
      <dd className={styles.digest}>{text}</dd>
    </>
  );
}
