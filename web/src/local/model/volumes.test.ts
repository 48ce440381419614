/** Which slices of a series belong together, as tests/model/test_series_volumes.py has it. */

import { expect, test } from "vitest";

import type { ImageAnswer } from "@/lib/api/types";
import type { SliceMember } from "@/local/imaging/scan";
import type { Member } from "@/local/model/member";
import { splitVolumes, withoutRepeats } from "@/local/model/volumes";

function memberAt(place: number, number: number, part: Partial<SliceMember> = {}): Member {
  const answer = {
    source: `folder/${number}.dcm`,
    slice_index: null,
    sop_instance_uid: `1.2.${number}`,
  } as ImageAnswer;
  const member: SliceMember = {
    digest: String(number),
    isPlaced: true,
    orientation: [1, 0, 0, 0, 1, 0],
    number,
    traits: [],
    ...part,
  };
  return { answer, seriesUid: null, studyUid: null, description: null, positionMm: place, member };
}

const sizes = (slices: Member[]) => splitVolumes(slices).map((one) => one.slices.length);
const numbers = [1, 2, 3, 4];

test("slices of one place that nothing tells apart are one volume", () => {
  expect(sizes(numbers.map((one) => memberAt(0, one)))).toEqual([4]);
  const counted = numbers.map((one) =>
    memberAt(0, one, { traits: [["AcquisitionNumber", String(one)]] }),
  );
  expect(sizes(counted)).toEqual([4]);
});

test("images of one place are volumes where the header says so", () => {
  const timed = numbers.map((one) => memberAt(0, one, { traits: [["TriggerTime", String(one)]] }));
  expect(sizes(timed)).toEqual([1, 1, 1, 1]);
});

test("two volumes that nothing tells apart go by their order", () => {
  const slices = [0, 1].flatMap((volume) => numbers.map((one) => memberAt(one, 10 * volume + one)));
  expect(sizes(slices)).toEqual([4, 4]);
});

test("a slice that came three times is told of as one", () => {
  const slices = [1, 2, 1, 1].map((one) => memberAt(one, one));
  const [kept, notes] = withoutRepeats(slices);
  expect(kept).toHaveLength(2);
  expect(notes).toEqual(["1 slice came more than once and counts once."]);
});
