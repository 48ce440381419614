import { screen, within } from "@testing-library/react";
import { http, HttpResponse } from "msw";
import { describe, expect, test } from "vitest";

import { imageJob } from "@/testing/answers";
import { modelCard } from "@/testing/model-card";
import { openCase, renderPage } from "@/testing/render-page";
import { jobHandlers, never, offline, refusing, service } from "@/testing/service";

const MODEL = "/api/v1/model";

describe("the model page", () => {
  test("names the model and measures it with intervals", async () => {
    renderPage("/model");
    expect(await screen.findByText("toy-model")).toBeVisible();
    const row = screen.getByRole("row", { name: /^Sensitivity/ });
    expect(row).toHaveTextContent("0.900 (0.850–0.940)");
    expect(screen.getByText(/200 images from 40 independent groups/)).toBeVisible();
  });

  test("lists the weakest parts first, and the controls", async () => {
    renderPage("/model");
    const table = await screen.findByRole("group", { name: "Weakest results" });
    const [, first, second, third] = within(table).getAllByRole("row");
    expect(first).toHaveTextContent("Dataset: alpha");
    expect(second).toHaveTextContent("0.750");
    expect(third).toHaveTextContent("Dataset: beta");
    expect(screen.getByRole("row", { name: /outer frame only/ })).toHaveTextContent("0.600");
  });

  test("says from where on it does not answer, and how often that was", async () => {
    renderPage("/model");
    expect(await screen.findByText(/plausible from a tumor probability of 0.330/)).toBeVisible();
    expect(screen.getByText(/novelty above 36.1/)).toBeVisible();
    expect(screen.getByRole("row", { name: /^Inconclusive scans/ })).toHaveTextContent("0.070");
    expect(screen.getByRole("row", { name: /among other images/ })).toHaveTextContent("0.900");
    expect(screen.getByRole("row", { name: /in error/ })).toHaveTextContent("0.060");
  });

  test("does not speak of sets and gates of a model that has none", async () => {
    service.use(
      http.get(MODEL, () => HttpResponse.json(modelCard({ conformal: null, input_check: null }))),
    );
    renderPage("/model");
    await screen.findByText("toy-model");
    expect(screen.queryByRole("heading", { name: /does not answer/ })).not.toBeInTheDocument();
  });

  test("gives the reliability diagram as a table, too", async () => {
    const { user } = renderPage("/model");
    await user.click(await screen.findByRole("button", { name: "Show as a table" }));
    expect(screen.getByRole("row", { name: /^0.100/ })).toHaveTextContent("0.120 (0.070–0.160)");
  });

  test("says what an answer means at a share of tumors that is chosen", async () => {
    const { user } = renderPage("/model");
    const region = await screen.findByRole("region", { name: /where tumors are rare/ });
    expect(region).toHaveTextContent("200 show a tumor");
    const slider = within(region).getByRole("slider", { name: "Share of images with a tumor" });
    slider.focus();
    await user.keyboard("{Home}");
    expect(region).toHaveTextContent(
      "50 show a tumor. The model reports 841: 45 with a tumor and 796 false alarms. It misses 5.",
    );
    expect(
      within(region).getByRole("row", { name: /^Tumors among the reported/ }),
    ).toHaveTextContent("0.054");
  });

  test("has both decision curves as tables", async () => {
    const { user } = renderPage("/model");
    await user.click(await screen.findByRole("button", { name: /table, share of tumors 5%/ }));
    const table = screen.getByRole("group", { name: /table, share of tumors 5%/ });
    expect(within(table).getByRole("row", { name: /^0.10/ })).toHaveTextContent("-0.060");
    expect(screen.getByRole("button", { name: /table, share of tumors 50%/ })).toBeVisible();
  });

  test("shows every subgroup, sizes too", async () => {
    const { user } = renderPage("/model");
    await user.click(await screen.findByRole("button", { name: "Size on the image" }));
    const table = screen.getByRole("group", { name: "Size on the image" });
    expect(within(table).getByRole("row", { name: /small/ })).toHaveTextContent("0.750");
  });

  test("shows a card for each dataset, and what the model is for", async () => {
    const { user } = renderPage("/model");
    await user.click(await screen.findByRole("button", { name: "alpha" }));
    const card = screen.getByRole("group", { name: "alpha" });
    expect(card).toHaveTextContent("The Alpha collection");
    expect(card).toHaveTextContent("CC0 (not confirmed)");
    expect(card).toHaveTextContent("Slices repeat. No ages.");
    expect(screen.getByText(/Any decision about a patient/)).toBeVisible();
  });

  test("opens the cells of the confusion matrix with their examples", async () => {
    const { user } = renderPage("/model");
    await user.click(
      await screen.findByRole("button", { name: "10 images: truth tumor, answer no tumor" }),
    );
    const dialog = await screen.findByRole("dialog");
    expect(dialog).toHaveTextContent("10% of the 100 images whose truth is “tumor”.");
    expect(dialog).toHaveTextContent("alpha, T1: 0.310");
    await user.keyboard("{Escape}");
    await user.click(screen.getByRole("button", { name: /^92 images/ }));
    expect(await screen.findByText("The model card does not list these images.")).toBeVisible();
  });

  test("says what it learned from and what the service takes", async () => {
    renderPage("/model");
    const table = await screen.findByRole("group", { name: "Training data" });
    expect(within(table).getByRole("row", { name: /^train/ })).toHaveTextContent(
      "90080500400alpha",
    );
    expect(screen.getByText(/Files up to 256 MiB; uploads up to 1,024 MiB/)).toBeVisible();
  });

  test("has scans on the desk answered again at another operating point", async () => {
    const page = renderPage();
    await openCase(page);
    await page.user.click(screen.getByRole("link", { name: "Model" }));
    expect(screen.queryByRole("button", { name: /worklist again/ })).not.toBeInTheDocument();
    await page.user.click(await screen.findByRole("radio", { name: /rule in/ }));
    const asked: string[] = [];
    service.use(
      http.post("/api/v1/jobs", ({ request }) => {
        asked.push(new URL(request.url).searchParams.get("operating_point") ?? "");
        return undefined;
      }),
      ...jobHandlers(imageJob()).slice(1),
    );
    await page.user.click(screen.getByRole("button", { name: /worklist again/ }));
    expect(await screen.findByText("The scans are being analyzed again.")).toBeVisible();
    await expect.poll(() => asked).toEqual(["rule_in"]);
  });

  test("warns of a model without measurements", async () => {
    service.use(http.get(MODEL, () => HttpResponse.json(modelCard({ card: {} }))));
    renderPage("/model");
    expect(await screen.findByText("This model’s card has no measurements.")).toBeVisible();
    expect(screen.queryByRole("heading", { name: "Performance" })).not.toBeInTheDocument();
    expect(screen.getByRole("heading", { name: "Operating points" })).toBeVisible();
  });

  test("names failures that its makers know", async () => {
    const { card } = modelCard();
    const known_failures = ["Lesions of white matter are marked."];
    service.use(
      http.get(MODEL, () => HttpResponse.json(modelCard({ card: { ...card, known_failures } }))),
    );
    renderPage("/model");
    expect(await screen.findByText("Lesions of white matter are marked.")).toBeVisible();
  });

  test("says when it is loading", async () => {
    service.use(never(MODEL));
    renderPage("/model");
    expect(await screen.findByText("Loading the model card…")).toBeVisible();
  });

  test.each([
    ["offline", offline(MODEL), "The service is not responding"],
    ["too busy", refusing(MODEL, 503, { headers: { "Retry-After": "9" } }), "The service is busy"],
    ["failed", refusing(MODEL, 500), "The service reported an error"],
  ])("has a face for a service that is %s, and tries again", async (_, handler, title) => {
    service.use(handler);
    const { user } = renderPage("/model");
    expect(await screen.findByText(new RegExp(title))).toBeVisible();
    service.resetHandlers();
    await user.click(screen.getByRole("button", { name: "Try again" }));
    expect(await screen.findByText("toy-model")).toBeVisible();
  });

  test("comes back by itself when the service does", async () => {
    service.use(offline(MODEL));
    renderPage("/model");
    await screen.findByText("The service is not responding");
    service.resetHandlers();
    expect(await screen.findByText("toy-model", {}, { timeout: 5000 })).toBeVisible();
  }, 10_000);
});
