import { encode } from "fast-png";
import { delay, http, HttpResponse, type HttpHandler } from "msw";
import { setupServer } from "msw/node";

import type { Job } from "@/lib/api/types";
import { imageJob } from "@/testing/answers";
import { modelCard } from "@/testing/model-card";

const SIDE = 16;

/** A grey picture that gets brighter from left to right. */
function picture(depth: 8 | 16): ArrayBuffer {
  const most = depth === 8 ? 255 : 65535;
  const values = Array.from({ length: SIDE * SIDE }, (_, index) =>
    Math.round(((index % SIDE) / (SIDE - 1)) * most),
  );
  const data = depth === 8 ? Uint8Array.from(values) : Uint16Array.from(values);
  const png = encode({ width: SIDE, height: SIDE, data, depth, channels: 1 });
  return png.slice().buffer;
}

function png(content: ArrayBuffer): Response {
  return new HttpResponse(content, { headers: { "Content-Type": "image/png" } });
}

/** The service as it answers when all is well, unless a test says otherwise. */
export const service = setupServer(
  http.get("/api/v1/model", () => HttpResponse.json(modelCard())),
  http.get("/api/v1/samples", () =>
    HttpResponse.json({
      samples: [
        {
          name: "with-lesion",
          title: "Made-up slice with a lesion",
          kind: "image",
          file_name: "phantom.png",
          media_type: "image/png",
          url: "/api/v1/samples/with-lesion",
        },
      ],
    }),
  ),
  http.get("/api/v1/samples/with-lesion", () => png(picture(8))),
  http.get("/api/v1/jobs/:job/slices/:index/image", () => png(picture(16))),
  http.get("/api/v1/jobs/:job/slices/:index/evidence", () => png(picture(8))),
  http.delete("/api/v1/jobs/:job", () => new HttpResponse(null, { status: 204 })),
  ...jobHandlers(imageJob()),
);

/** Take an upload and answer it with a job. */
export function jobHandlers(done: Job): HttpHandler[] {
  return [
    http.post("/api/v1/jobs", () =>
      HttpResponse.json(
        { ...done, state: "queued", predictions: [], slices: [], next: 0 },
        { status: 202 },
      ),
    ),
    http.get("/api/v1/jobs/:job", () => HttpResponse.json(done)),
  ];
}

type Method = "get" | "post";

export const offline = (path: string, method: Method = "get"): HttpHandler =>
  http[method](path, () => HttpResponse.error());

export const never = (path: string, method: Method = "get"): HttpHandler =>
  http[method](path, async () => {
    await delay("infinite");
    return HttpResponse.error();
  });

export const refusing = (
  path: string,
  status: number,
  { method = "get", headers = {} }: { method?: Method; headers?: Record<string, string> } = {},
): HttpHandler =>
  http[method](path, () =>
    HttpResponse.json(
      { type: "urn:tumorscope:problem:x", title: "A title.", status, detail: "A detail." },
      { status, headers: { "Content-Type": "application/problem+json", ...headers } },
    ),
  );
