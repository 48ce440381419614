import { expect, test } from "vitest";

import { rootOf, serviceUrl } from "@/lib/api/service-url";

test.each([
  ["http://127.0.0.1:8000/", "http://127.0.0.1:8000"],
  ["https://host/tumorscope/#/read/case-1", "https://host/tumorscope"],
  ["https://host/a/b/index.html?x=1/2#/model", "https://host/a/b"],
])("the service of the page at %s", (page, service) => {
  expect(rootOf(page)).toBe(service);
});

test.each([
  ["/api/v1/samples/series", "https://host/tumorscope/api/v1/samples/series"],
  ["/tumorscope/api/v1/samples/series", "https://host/tumorscope/api/v1/samples/series"],
  ["https://elsewhere/api/v1/model", "https://host/tumorscope/api/v1/model"],
  ["/api/tumorscope/api/v1/samples/series", "https://host/tumorscope/api/v1/samples/series"],
  ["/api/v1/t/api/v1/samples/series", "https://host/tumorscope/api/v1/samples/series"],
  ["blob:1", "blob:1"],
])("a path that the service gave: %s", (path, url) => {
  expect(serviceUrl(path, "https://host/tumorscope")).toBe(url);
});
