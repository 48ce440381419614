import { screen, waitFor, within } from "@testing-library/react";
import { http, HttpResponse } from "msw";
import { describe, expect, test } from "vitest";

import { READ_NAMES } from "@/domain/formats.gen";
import {
  abstainAnswer,
  errorAnswer,
  imageAnswer,
  imageJob,
  job,
  quietAnswer,
  rejectedAnswer,
  seriesJob,
  sliceView,
} from "@/testing/answers";
import { file, renderPage } from "@/testing/render-page";
import { jobHandlers, never, offline, refusing, service } from "@/testing/service";

const NOTICE = "Research use only. Not a medical device.";

describe("the empty desk", () => {
  test("says what can be brought in, and shows the notice", async () => {
    renderPage();
    expect(screen.getByRole("heading", { name: "Add scans" })).toBeVisible();
    expect(screen.getByText(NOTICE)).toBeVisible();
    expect(screen.getByText(`${READ_NAMES.join(", ")}, zip`)).toBeVisible();
    expect(await screen.findByRole("button", { name: "A slice with a lesion" })).toBeVisible();
  });

  test("says when samples are being looked for", () => {
    service.use(never("/api/v1/samples"));
    renderPage();
    expect(screen.getByText("Loading samples…")).toBeVisible();
  });

  test("says when there are no samples", async () => {
    service.use(http.get("/api/v1/samples", () => HttpResponse.json({ samples: [] })));
    renderPage();
    expect(await screen.findByText("This service has no samples.")).toBeVisible();
  });

  test.each([
    ["offline", offline("/api/v1/samples"), "The service is not responding"],
    ["too busy", refusing("/api/v1/samples", 503), "The service is busy"],
    ["failed", refusing("/api/v1/samples", 500), "The service reported an error"],
  ])("has a face for samples when the service is %s", async (_, handler, title) => {
    service.use(handler);
    renderPage();
    expect(await screen.findByText(title)).toBeVisible();
  });

  test("opens a sample", async () => {
    const { user } = renderPage();
    await user.click(await screen.findByRole("button", { name: "A slice with a lesion" }));
    expect(await screen.findByRole("heading", { name: "What the model says" })).toBeVisible();
  });

  test("says when nothing readable was picked", async () => {
    const { pick } = renderPage();
    await pick(file("Thumbs.db"));
    expect(screen.getByRole("alert")).toHaveTextContent(
      "No supported files found. Supported formats: PNG",
    );
  });
});

describe("uploads", () => {
  test("a single scan is opened when it is answered", async () => {
    const { pick } = renderPage();
    await pick(file());
    expect(await screen.findByRole("heading", { level: 1, name: "scan.png" })).toBeVisible();
  });

  test("show what is waiting and being sent, and can be cancelled and tried again", async () => {
    service.use(never("/api/v1/jobs", "post"));
    const { user, pick } = renderPage();
    await pick(file("a.png"));
    await user.click(await screen.findByRole("button", { name: "Cancel a.png" }));
    expect(await screen.findByText("Cancelled")).toBeVisible();
    service.resetHandlers();
    await user.click(screen.getByRole("button", { name: "Retry a.png" }));
    await waitFor(() => {
      expect(screen.queryByText("Cancelled")).not.toBeInTheDocument();
    });
  });

  test("say when the service is away, and go on by themselves when it is back", async () => {
    service.use(offline("/api/v1/jobs", "post"));
    const { pick } = renderPage();
    await pick(file());
    expect(await screen.findByText(/The service is not responding. Retrying/)).toBeVisible();
    service.resetHandlers();
    expect(
      await screen.findByRole("heading", { level: 1, name: "scan.png" }, { timeout: 5000 }),
    ).toBeVisible();
  }, 10_000);

  test("are sent again as the same request, and as another one when asked to", async () => {
    const keys: (string | null)[] = [];
    service.use(
      http.post("/api/v1/jobs", ({ request }) => {
        keys.push(request.headers.get("Idempotency-Key"));
        return keys.length === 1 ? HttpResponse.error() : new HttpResponse(null, { status: 413 });
      }),
    );
    const { pick } = renderPage();
    await pick(file());
    await pick(file("other.png"));
    await waitFor(
      () => {
        expect(keys).toHaveLength(3);
      },
      { timeout: 5000 },
    );
    expect(keys[0]).toMatch(/^[0-9a-f]{32}$/);
    expect(new Set(keys).size).toBe(2);
    expect(keys.filter((key) => key === keys[0])).toHaveLength(2);
  }, 10_000);

  test("say when the service is too busy, and for how long", async () => {
    service.use(refusing("/api/v1/jobs", 429, { method: "post", headers: { "Retry-After": "7" } }));
    const { pick } = renderPage();
    await pick(file());
    expect(await screen.findByText(/busy. Retrying in 7 seconds/)).toBeVisible();
  });

  test("show the service's own words when it refuses", async () => {
    service.use(refusing("/api/v1/jobs", 413, { method: "post" }));
    const { pick } = renderPage();
    await pick(file());
    expect(await screen.findByRole("alert")).toHaveTextContent("A detail.");
    expect(screen.queryByRole("button", { name: /again/ })).not.toBeInTheDocument();
  });

  test("name each input that could not be read", async () => {
    service.use(...jobHandlers(job({ predictions: [errorAnswer("broken.dcm")] })));
    const { pick, user } = renderPage();
    await pick(file("broken.dcm"));
    expect(await screen.findByText("1 input could not be read")).toBeVisible();
    expect(screen.getByText("broken.dcm", { selector: "strong" })).toBeVisible();
    expect(screen.getByText("It ends too early.")).toBeVisible();
    await user.click(screen.getByRole("button", { name: "Remove broken.dcm" }));
    await waitFor(() => {
      expect(screen.queryByText("1 input could not be read")).not.toBeInTheDocument();
    });
  });

  test("show how far a series has come", async () => {
    const { predictions, slices } = seriesJob();
    const begun = job({
      state: "running",
      predictions: predictions.slice(0, 2),
      slices: slices.slice(0, 2),
      progress: { files: 5, files_done: 2, slices_done: 2, failed: 0 },
      next: 2,
    });
    service.use(...jobHandlers(begun));
    service.use(
      http.get("/api/v1/jobs/:job", ({ request }) =>
        HttpResponse.json(
          new URL(request.url).searchParams.get("after") === "0"
            ? begun
            : { ...begun, predictions: [], slices: [] },
        ),
      ),
    );
    const { pick, user } = renderPage();
    await pick(file("a.dcm"), file("b.dcm"));
    expect(await screen.findByText(/Analyzing: 2 slices so far/)).toBeVisible();
    expect(screen.getByText(/The series answer appears/)).toBeVisible();
    await user.click(screen.getByRole("link", { name: "Worklist" }));
    expect(screen.getByText("2 of 5 files analyzed")).toBeVisible();
    expect(screen.getByText("Analyzing…")).toBeVisible();
  });
});

const FOUR = [
  imageAnswer({ source: "a.png" }),
  quietAnswer({ source: "b.png" }),
  { ...abstainAnswer(), source: "c.png" },
  { ...rejectedAnswer(), source: "d.png" },
];

async function deskOfFour() {
  service.use(
    ...jobHandlers(
      job({ predictions: FOUR, slices: FOUR.map((_, index) => sliceView({ index })) }),
    ),
  );
  const page = renderPage();
  await page.pick(file("four.zip"));
  await screen.findByRole("heading", { name: "What the model says" });
  await page.user.click(screen.getByRole("link", { name: "Worklist" }));
  return { ...page, table: screen.getByRole("grid", { name: "Worklist" }) };
}

const names = (table: HTMLElement) =>
  within(table)
    .getAllByRole("rowheader")
    .map((one) => one.textContent);

describe("the worklist", () => {
  test("names the outcome of every case", async () => {
    const { table } = await deskOfFour();
    for (const words of [
      "Tumor evidence",
      "No tumor evidence",
      "Inconclusive",
      "Not a brain MR image",
    ]) {
      expect(within(table).getByText(words)).toBeVisible();
    }
  });

  test("sorts by probability", async () => {
    const { table, user } = await deskOfFour();
    const header = within(table).getByRole("columnheader", { name: /Tumor probability/ });
    await user.click(header);
    expect(names(table)).toEqual(["d.png", "b.png", "c.png", "a.png"]);
    await user.click(header);
    expect(names(table)).toEqual(["a.png", "c.png", "b.png", "d.png"]);
  });

  test("filters by outcome and by name", async () => {
    const { table, user } = await deskOfFour();
    await user.click(screen.getByRole("radio", { name: "Inconclusive" }));
    expect(names(table)).toEqual(["c.png"]);
    await user.click(screen.getByRole("radio", { name: "All" }));
    await user.type(screen.getByRole("searchbox", { name: "Find by name" }), "D.P");
    await waitFor(() => {
      expect(names(table)).toEqual(["d.png"]);
    });
    await user.type(screen.getByRole("searchbox", { name: "Find by name" }), "zzz");
    expect(await screen.findByText("No case matches these filters.")).toBeVisible();
  });

  test("gathers the series of a study below its heading, which cannot be opened", async () => {
    const described = ["t1_se", "t2_tse", "flair"];
    const answers = described.map(() => quietAnswer({ source: "study.zip" }));
    const slices = described.map((series_description, index) => {
      const study_instance_uid = index === 1 ? "1.8" : "1.9";
      return sliceView({ index, series: index, series_description, study_instance_uid });
    });
    service.use(...jobHandlers(job({ predictions: answers, slices })));
    const { pick, user } = renderPage();
    await pick(file("study.zip"));
    await user.click(await screen.findByRole("link", { name: "Worklist" }));
    const table = screen.getByRole("grid", { name: "Worklist" });
    const rows = () =>
      within(table)
        .getAllByRole("row")
        .slice(1)
        .map((row) => /Study 1: 2 series|t1_se|t2_tse|flair/.exec(row.textContent)?.[0]);
    expect(rows()).toEqual(["Study 1: 2 series", "t1_se", "flair", "t2_tse"]);
    await user.click(within(table).getByText("Study 1: 2 series"));
    expect(table).toBeVisible();
    await user.click(within(table).getByText("flair"));
    expect(await screen.findByRole("heading", { level: 1, name: "flair" })).toBeVisible();
  });

  test("is walked and opened with keys", async () => {
    const { table, user } = await deskOfFour();
    const [, first] = within(table).getAllByRole("row");
    first?.focus();
    await user.keyboard("{ArrowDown}{Enter}");
    expect(await screen.findByRole("heading", { level: 1, name: "b.png" })).toBeVisible();
  });

  test("hides the model in blind reading, also from filters and sorting", async () => {
    const { table, user } = await deskOfFour();
    await user.click(screen.getByRole("switch", { name: "Blind reading" }));
    expect(within(table).getAllByText("Hidden until you answer")).toHaveLength(4);
    await user.click(within(table).getByRole("columnheader", { name: /Tumor probability/ }));
    expect(names(table)).toEqual(["a.png", "b.png", "c.png", "d.png"]);
    await user.click(screen.getByRole("radio", { name: "Tumor evidence" }));
    expect(await screen.findByText("No case matches these filters.")).toBeVisible();
  });
});

test("the page speaks German", async () => {
  const { user } = renderPage();
  await user.click(screen.getByRole("button", { name: "Settings" }));
  await user.click(screen.getByRole("radio", { name: "Deutsch" }));
  await user.keyboard("{Escape}");
  expect(screen.getByRole("heading", { name: "Aufnahmen hinzufügen" })).toBeVisible();
  expect(screen.getByText("Nur für die Forschung. Kein Medizinprodukt.")).toBeVisible();
  expect(document.documentElement.lang).toBe("de");
});

test("one job is asked for at the chosen operating point", async () => {
  const asked: string[] = [];
  service.use(
    http.post("/api/v1/jobs", ({ request }) => {
      asked.push(new URL(request.url).search);
      return HttpResponse.json(
        { ...imageJob(), state: "queued", predictions: [] },
        { status: 202 },
      );
    }),
  );
  const { user, pick } = renderPage("/model");
  await user.click(await screen.findByRole("radio", { name: /rule out/ }));
  await user.click(screen.getByRole("link", { name: "Worklist" }));
  await pick(file());
  await screen.findByRole("heading", { name: "What the model says" });
  expect(asked).toEqual(["?hold=3600&operating_point=rule_out"]);
});
