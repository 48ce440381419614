import { fireEvent, screen, waitFor, within } from "@testing-library/react";
import { http, HttpResponse } from "msw";
import { describe, expect, test, vi } from "vitest";

import { useSettings } from "@/domain/settings";
import {
  abstainAnswer,
  imageAnswer,
  imageJob,
  quietAnswer,
  rejectedAnswer,
  seriesJob,
} from "@/testing/answers";
import { file, openCase, renderPage } from "@/testing/render-page";
import { jobHandlers, never, offline, refusing, service } from "@/testing/service";

const viewer = () => screen.getByRole("group", { name: /^Viewer for/ });
const IMAGE = "/api/v1/jobs/:job/slices/:index/image";
const EVIDENCE = "/api/v1/jobs/:job/slices/:index/evidence";

describe("a case that is not there", () => {
  test("says so and leads back", async () => {
    renderPage("/read/nothing");
    expect(await screen.findByText("This case is not in the worklist")).toBeVisible();
    expect(within(screen.getByRole("main")).getByRole("link", { name: "Worklist" })).toBeVisible();
  });
});

describe("the answer", () => {
  test.each([
    ["tumor", imageAnswer(), "The program marked an area that can look like a tumor."],
    ["no_tumor", quietAnswer(), "this is not an all-clear"],
    ["abstain", abstainAnswer(), "does not guess"],
    ["rejected", rejectedAnswer(), "does not look like an MR image of a brain"],
  ])("says %s in plain words and sends to a doctor", async (_, answer, words) => {
    service.use(...jobHandlers(imageJob(answer)));
    const page = renderPage();
    await openCase(page);
    const side = screen.getByRole("complementary");
    expect(side).toHaveTextContent(words);
    expect(side).toHaveTextContent("Please talk to your doctor.");
    expect(side).not.toHaveTextContent(/normal|healthy|diagnos|confidence/i);
  });

  test.each([
    ["abstain", abstainAnswer(), "unlike those the model learned from"],
    ["rejected", rejectedAnswer(), "The picture shows no brain."],
  ])("gives the reasons for %s", async (_, answer, reason) => {
    service.use(...jobHandlers(imageJob(answer)));
    await openCase(renderPage());
    expect(screen.getByRole("complementary")).toHaveTextContent(reason);
  });

  test("gives readers numbers, set, types, intervals and the model", async () => {
    useSettings.setState({ voice: "reader" });
    await openCase(renderPage());
    const side = screen.getByRole("complementary");
    for (const words of [
      "0.910",
      "Operating point “balanced”: 0.500",
      "{ tumor }",
      "Glioma0.70",
      "sensitivity 0.90 (0.85–\u20600.94)",
      "Model toy-model, version 1.2.3, abababababab",
    ]) {
      expect(side).toHaveTextContent(words);
    }
  });

  test("says of a series and of the slice in sight what each is answered, and why they differ", async () => {
    service.use(
      ...jobHandlers(
        seriesJob([0.02, 0.1, 0.6, 0.99, 0.3], {
          outcome: "no_tumor",
          probabilities: { tumor: 0.2, no_tumor: 0.8 },
        }),
      ),
    );
    useSettings.setState({ voice: "reader" });
    const page = renderPage();
    await openCase(page, "scan.nii");
    const side = screen.getByRole("complementary");
    await within(side).findByText("Series answer");
    expect(side).toHaveTextContent(/No tumor evidence.*although 2 slices reach it on their own/);
    const slice = within(side).getByRole("region", { name: "This slice (4 of 5)" });
    expect(slice).toHaveTextContent(/Tumor evidence ?0.990/);
    expect(slice).toHaveTextContent("one slice that stands out does not decide it");
    viewer().focus();
    await page.user.keyboard("{Home}");
    const first = await within(side).findByRole("region", { name: "This slice (1 of 5)" });
    expect(first).toHaveTextContent(/No tumor evidence ?0.020$/);
  });

  test("says in plain words that single slices are marked in a series that is not", async () => {
    const outcome = { outcome: "no_tumor", probabilities: { tumor: 0.2, no_tumor: 0.8 } } as const;
    service.use(...jobHandlers(seriesJob([0.02, 0.1, 0.3, 0.99, 0.3], outcome)));
    await openCase(renderPage(), "scan.nii");
    const side = screen.getByRole("complementary");
    await within(side).findByText("Marks on single slices only");
    expect(side).toHaveTextContent("The program marked 1 slice, but the series as a whole");
    expect(side).not.toHaveTextContent("Nothing was marked");
    expect(side).toHaveTextContent("A single slice that stands out can be a false alarm");
  });

  test("is not called that of a slice where there is one picture", async () => {
    await openCase(renderPage());
    expect(screen.queryByText("Series answer")).not.toBeInTheDocument();
    expect(screen.queryByText(/This slice/)).not.toBeInTheDocument();
  });

  test("has no probability for what was rejected", async () => {
    service.use(...jobHandlers(imageJob(rejectedAnswer())));
    useSettings.setState({ voice: "reader" });
    await openCase(renderPage());
    expect(screen.queryByText("Tumor probability")).not.toBeInTheDocument();
  });
});

describe("the viewer", () => {
  test("opens a series at its strongest slice and scrolls by keys and wheel", async () => {
    service.use(...jobHandlers(seriesJob()));
    const page = renderPage();
    await openCase(page, "scan.nii");
    expect(await screen.findByRole("img", { name: "Slice 4 of 5" })).toBeVisible();
    viewer().focus();
    await page.user.keyboard("{ArrowDown}{ArrowDown}");
    expect(await screen.findByRole("img", { name: "Slice 5 of 5" })).toBeVisible();
    await page.user.keyboard("{Home}");
    expect(await screen.findByRole("img", { name: "Slice 1 of 5" })).toBeVisible();
    fireEvent.wheel(viewer(), { deltaY: 100 });
    expect(await screen.findByRole("img", { name: "Slice 2 of 5" })).toBeVisible();
  });

  test("says in words what the strip chart shows", async () => {
    service.use(...jobHandlers(seriesJob()));
    await openCase(renderPage(), "scan.nii");
    await screen.findByText(/Highest at slice 4: 0.950. 2 slices reach the operating point/);
  });

  test("names the sides of the body", async () => {
    service.use(...jobHandlers(seriesJob()));
    await openCase(renderPage(), "scan.nii");
    const sides = await screen.findByRole("img", { name: "Left edge R, top edge A" });
    expect(sides).toHaveTextContent("RLAP");
  });

  test.each([
    ["busy while its evidence is on its way", never(EVIDENCE), "true"],
    ["not busy once it is there", null, "false"],
    ["not busy when it does not come", refusing(EVIDENCE, 404), "false"],
  ])("is %s", async (_, handler, busy) => {
    if (handler) service.use(handler);
    await openCase(renderPage());
    const slice = await screen.findByRole("img", { name: "Slice 1 of 1" });
    await waitFor(() => {
      expect(slice).toHaveAttribute("aria-busy", busy);
    });
  });

  test("inverts, hides evidence and mark by keys", async () => {
    const page = renderPage();
    await openCase(page);
    viewer().focus();
    for (const [key, name] of [
      ["i", "Invert"],
      ["e", "Show evidence"],
      ["m", "Mark the strongest evidence"],
    ] as const) {
      const button = screen.getByRole("button", { name });
      const before = button.getAttribute("aria-pressed");
      await page.user.keyboard(key);
      expect(button.getAttribute("aria-pressed")).not.toBe(before);
    }
  });

  test("changes the window by drag and takes it back by preset", async () => {
    const page = renderPage();
    await openCase(page);
    expect(await screen.findByText("C 600 · W 1,000")).toBeVisible();
    fireEvent.pointerDown(viewer(), { clientX: 0, clientY: 0, button: 0 });
    fireEvent.pointerMove(viewer(), { clientX: 0, clientY: 60 });
    fireEvent.pointerUp(viewer());
    expect(await screen.findByText("C 700 · W 1,000")).toBeVisible();
    await page.user.click(screen.getByRole("button", { name: /Window presets/ }));
    await page.user.click(await screen.findByRole("menuitem", { name: "Full range" }));
    expect(await screen.findByText("C 2,000 · W 4,000")).toBeVisible();
    await page.user.click(screen.getByRole("button", { name: /Window presets/ }));
    await page.user.click(await screen.findByRole("menuitem", { name: "Default window" }));
    expect(await screen.findByText("C 600 · W 1,000")).toBeVisible();
  });

  test("offers sliders for what drags do, and panning once zoomed in", async () => {
    const page = renderPage();
    await openCase(page);
    await page.user.click(screen.getByRole("button", { name: "Adjust" }));
    for (const name of ["Evidence opacity", "Hide evidence below", "Brightness", "Contrast"]) {
      expect(screen.getByRole("slider", { name })).toBeVisible();
    }
    expect(screen.queryByRole("slider", { name: "Horizontal position" })).not.toBeInTheDocument();
    await page.user.click(screen.getByRole("button", { name: "Zoom in" }));
    expect(screen.getByRole("slider", { name: "Horizontal position" })).toBeVisible();
  });

  test("compares two slices side by side", async () => {
    service.use(...jobHandlers(seriesJob()));
    const page = renderPage();
    await openCase(page, "scan.nii");
    await page.user.click(screen.getByRole("button", { name: "Compare side by side" }));
    expect(screen.getAllByRole("group", { name: /^Viewer for/ })).toHaveLength(2);
    screen.getAllByRole("group", { name: /^Viewer for/ })[1]?.focus();
    await page.user.keyboard("{Home}");
    expect(await screen.findByRole("img", { name: "Slice 1 of 5" })).toBeVisible();
    expect(screen.getByRole("img", { name: "Slice 4 of 5" })).toBeVisible();
  });

  test("lists its keys", async () => {
    const page = renderPage();
    await openCase(page);
    await page.user.click(screen.getByRole("button", { name: "Keyboard shortcuts" }));
    expect(await screen.findByRole("dialog", { name: "Keyboard shortcuts" })).toBeVisible();
  });

  test("says when a picture is being fetched", async () => {
    service.use(never(IMAGE));
    await openCase(renderPage());
    expect(screen.getByText("Loading the image…")).toBeVisible();
  });

  test.each([
    ["offline", offline(IMAGE), "The service is not responding"],
    ["too busy", refusing(IMAGE, 429), "The service is busy"],
    ["forgetful", refusing(IMAGE, 404), "Result not found"],
    ["failed", refusing(IMAGE, 500), "The service reported an error"],
  ])("has a face for a service that is %s, and tries again", async (_, handler, title) => {
    service.use(handler);
    const page = renderPage();
    await openCase(page);
    expect(await screen.findByText(title)).toBeVisible();
    service.resetHandlers();
    await page.user.click(within(viewer()).getByRole("button", { name: "Try again" }));
    expect(await screen.findByRole("img", { name: "Slice 1 of 1" })).toBeVisible();
  });
});

describe("the reader's own answer", () => {
  test("is kept with the case and goes into the files", async () => {
    const page = renderPage();
    await openCase(page);
    await page.user.click(await screen.findByRole("radio", { name: "Disagree" }));
    await page.user.type(screen.getByRole("textbox", { name: "Comment" }), "an artefact");
    const [one] = [...page.desk.store.getState().cases.values()];
    expect(one?.feedback).toEqual({ reading: null, verdict: "disagree", comment: "an artefact" });
    await page.user.click(screen.getByRole("link", { name: "Worklist" }));
    expect(screen.getByRole("gridcell", { name: "Disagree" })).toBeVisible();
  });

  test("comes before the model's in blind reading", async () => {
    useSettings.setState({ blind: true });
    service.use(...jobHandlers(seriesJob()));
    const page = renderPage();
    await openCase(page, "scan.nii");
    expect(screen.getByRole("heading", { name: "Do you see a tumor?" })).toBeVisible();
    // Neither words nor evidence nor chart, and not the strongest slice either.
    expect(screen.queryByText(/Tumor evidence|marked/)).not.toBeInTheDocument();
    expect(screen.queryByRole("button", { name: "Show evidence" })).not.toBeInTheDocument();
    expect(screen.queryByText(/Tumor probability/)).not.toBeInTheDocument();
    expect(await screen.findByRole("img", { name: "Slice 3 of 5" })).toBeVisible();
    await page.user.click(screen.getByRole("button", { name: "No tumor" }));
    expect(screen.getByRole("heading", { name: "What the model says" })).toBeVisible();
    expect(screen.getByText("You said: No tumor.")).toBeVisible();
  });
});

describe("the report", () => {
  test("is handed over as a PDF named after the case", async () => {
    const links: string[] = [];
    vi.spyOn(HTMLAnchorElement.prototype, "click").mockImplementation(function click(
      this: HTMLAnchorElement,
    ) {
      links.push(this.download);
    });
    vi.spyOn(HTMLCanvasElement.prototype, "toDataURL").mockReturnValue(
      // The smallest JPEG there is.
      "data:image/jpeg;base64,/9j/4AAQSkZJRgABAQEASABIAAD/2wBDAP//////////////////////////////////////////////////////////////////////////////////////wgALCAABAAEBAREA/8QAFBABAAAAAAAAAAAAAAAAAAAAAP/aAAgBAQABPxA=",
    );
    const page = renderPage();
    await openCase(page, "my scan.png");
    await page.user.click(await screen.findByRole("button", { name: "Report (PDF)" }));
    await waitFor(() => {
      expect(links).toEqual(["tumorscope-scan.png.pdf"]);
    });
  });

  test("says when it could not be written", async () => {
    const page = renderPage();
    await openCase(page);
    await screen.findByRole("img", { name: "Slice 1 of 1" });
    vi.spyOn(HTMLCanvasElement.prototype, "toDataURL").mockImplementation(() => {
      throw new Error("no canvas");
    });
    await page.user.click(await screen.findByRole("button", { name: "Report (PDF)" }));
    expect(await screen.findByText(/The report could not be created/)).toBeVisible();
  });
});

test("an API key is asked for, and used from then on", async () => {
  const keys: (string | null)[] = [];
  service.use(
    http.get("/api/v1/model", ({ request }) => {
      const key = request.headers.get("Authorization");
      keys.push(key);
      return key === "Bearer ts_secret"
        ? undefined
        : HttpResponse.json({ title: "x", detail: "x" }, { status: 401 });
    }),
  );
  const { user } = renderPage("/model");
  await user.type(await screen.findByLabelText("API key"), "ts_secret");
  await user.click(screen.getByRole("button", { name: "Use this key" }));
  expect(await screen.findByRole("heading", { name: "Operating points" })).toBeVisible();
  expect(keys).toEqual([null, "Bearer ts_secret"]);
});

test("leaving the room and coming back keeps the case", async () => {
  const page = renderPage();
  await openCase(page);
  await page.user.click(screen.getByRole("link", { name: "Worklist" }));
  await page.pick(file("b.png"), file("c.png"));
  expect(await screen.findByText("3 cases")).toBeVisible();
});
