import "@testing-library/jest-dom/vitest";

import { cleanup, configure } from "@testing-library/react";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";

import { useSettings } from "@/domain/settings";
import { installBrowser } from "@/testing/browser";
import { stopUploads } from "@/testing/open-pages";
import { service } from "@/testing/service";

installBrowser();
// What is awaited comes; a machine with other work takes longer over it.
configure({ asyncUtilTimeout: 10_000 });

beforeAll(() => {
  // A request that no handler knows is a fault of the test or of the page.
  service.listen({ onUnhandledRequest: "error" });
});

beforeEach(() => {
  sessionStorage.clear();
  localStorage.clear();
  window.location.hash = "";
  useSettings.setState(useSettings.getInitialState());
});

afterEach(() => {
  cleanup();
  stopUploads();
  service.resetHandlers();
});

afterAll(() => {
  service.close();
});
