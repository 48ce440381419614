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

/** Percentiles of values, which are sorted in place; linear between two of them. */
export function percentiles(values: Floats, wanted: readonly number[]): number[] {
  values.sort();
  return wanted.map((one) => {
    const place = ((values.length - 1) * one) / 100;
    const low = Math.floor(place);
    const share = place - low;
    const before = values[low] ?? NaN;
    const after = values[Math.min(low + 1, values.length - 1)] ?? NaN;
    const step = after - before;
    return share >= 0.5 ? after - step * (1 - share) : before + step * share;
  });
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
