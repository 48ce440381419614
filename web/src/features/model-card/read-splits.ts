import { isFields } from "@/domain/model-evaluation";
import { setName } from "@/domain/set-name";

export interface Split {
  name: string;
  images: number;
  groups: number;
  tumor: number;
  noTumor: number;
  sets: string[];
}

const ORDER = ["train", "val", "calibration", "test"];

/** Read `card.training.data`: what each split of the training data held. */
export function readSplits(card: Readonly<Record<string, unknown>>): Split[] {
  const { training } = card;
  if (!isFields(training) || !isFields(training.data)) return [];
  const place = (name: string) => (ORDER.includes(name) ? ORDER.indexOf(name) : ORDER.length);
  const entries = Object.entries(training.data).toSorted(([a], [b]) => place(a) - place(b));
  return entries.flatMap(([name, one]) => {
    if (!isFields(one)) return [];
    const sets = Object.keys(isFields(one.sets) ? one.sets : {}).map(setName);
    const [images, groups] = [Number(one.images), Number(one.groups)];
    return [
      { name, images, groups, tumor: Number(one.tumor), noTumor: Number(one.no_tumor), sets },
    ];
  });
}
