/** Numbers as NumPy treats them. */

export type Floats = Float32Array | Float64Array;

/** Round to the nearest whole number, halves to the even one. */
export function rint(value: number): number {
  const floor = Math.floor(value);
  const rest = value - floor;
  if (rest !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}

/** Least and greatest; NaN where any of them is. */
export function range(values: ArrayLike<number>): [number, number] {
  let low = Infinity;
  let high = -Infinity;
  for (let index = 0; index < values.length; index += 1) {
    const value = values[index] ?? NaN;
    if (Number.isNaN(value)) return [NaN, NaN];
    if (value < low) low = value;
    if (value > high) high = value;
  }
  return [low, high];
}

/** Percentiles of values, which are put into another order; linear between two of them. */
export function percentiles(values: Floats, wanted: readonly number[]): number[] {
  return wanted.map((one) => {
    const place = ((values.length - 1) * one) / 100;
    const low = Math.floor(place);
    const share = place - low;
    const before = select(values, low);
    const after = share > 0 ? leastBehind(values, low) : before;
    const step = after - before;
    return share >= 0.5 ? after - step * (1 - share) : before + step * share;
  });
}

/** Halvings after which a run of bad luck is ended by sorting. */
const MOST_ROUNDS = 64;

/**
 * The value that would be at a place if all were sorted; what is less lies before it afterwards,
 * what is greater behind it. Hoare's selection: sorting a whole slice takes longer than to read it.
 */
function select(values: Floats, place: number): number {
  let first = 0;
  let last = values.length - 1;
  for (let round = 0; first < last; round += 1) {
    if (round >= MOST_ROUNDS) {
      values.subarray(first, last + 1).sort();
      break;
    }
    const [right, left] = partition(values, first, last);
    if (place <= right) last = right;
    else if (place >= left) first = left;
    else break;
  }
  return values[place] ?? NaN;
}

/** Put what is less before what is greater; returns where the one ends and the other begins. */
function partition(values: Floats, first: number, last: number): [number, number] {
  const pivot = middleOf(values[first], values[(first + last) >> 1], values[last]);
  let left = first;
  let right = last;
  while (left <= right) {
    while ((values[left] ?? NaN) < pivot) left += 1;
    while ((values[right] ?? NaN) > pivot) right -= 1;
    if (left > right) break;
    const value = values[left] ?? NaN;
    values[left] = values[right] ?? NaN;
    values[right] = value;
    left += 1;
    right -= 1;
  }
  return [right, left];
}

function middleOf(a = NaN, b = NaN, c = NaN): number {
  return Math.max(Math.min(a, b), Math.min(Math.max(a, b), c));
}

function leastBehind(values: Floats, place: number): number {
  let least = Infinity;
  for (let at = place + 1; at < values.length; at += 1) {
    const value = values[at] ?? NaN;
    if (value < least) least = value;
  }
  return least;
}

/** `1 / (1 + exp(-logit))`, for logits of any size. */
export function sigmoid(logit: number, most: number): number {
  return 1 / (1 + Math.exp(Math.min(most, Math.max(-most, -logit))));
}

/** Compare names so that `slice2` comes before `slice10`. */
export function compareNaturally(a: string, b: string): number {
  const [left, right] = [naturalParts(a), naturalParts(b)];
  for (let at = 0; at < Math.min(left.length, right.length); at += 1) {
    const [one = "", other = ""] = [left[at], right[at]];
    if (one === other) continue;
    const [isNumber, isOther] = [/^\d/.test(one), /^\d/.test(other)];
    if (isNumber !== isOther) return isNumber ? -1 : 1;
    if (isNumber && Number(one) !== Number(other)) return Number(one) - Number(other);
    return one < other ? -1 : 1;
  }
  return left.length - right.length;
}

function naturalParts(name: string): string[] {
  return name.split(/(\d+)/);
}
