import { expect, test } from "vitest";

import { failure } from "@/local/model/classify";

test("a file for which there is no memory is not called damaged", () => {
  const { error } = failure("giant.nii", new RangeError("Array buffer allocation failed"));
  expect(error.type).toBe("image-too-large");
  expect(error.detail).toContain("not enough memory");
  expect(failure("odd.nii", new RangeError("Invalid array length")).error.type).toBe(
    "corrupt-image",
  );
});
