import { client } from "@/lib/api/request";
import { sendFiles } from "@/lib/api/send-files";
import type { Job } from "@/lib/api/types";
import type { CreateOptions, NamedFile } from "@/lib/engine/types";

/** Seconds for which the service keeps pictures after the last look at them. */
const HOLD_SECONDS = 3600;

export async function createJob(
  files: NamedFile[],
  operatingPoint: string,
  { key, ...options }: CreateOptions,
): Promise<Job> {
  const query = new URLSearchParams({ hold: String(HOLD_SECONDS) });
  // An empty name stands for the model's own operating point.
  if (operatingPoint) query.set("operating_point", operatingPoint);
  return (await sendFiles(`/api/v1/jobs?${query.toString()}`, files, {
    headers: { "Idempotency-Key": key },
    ...options,
  })) as Job;
}

/** Look at a job; `after` leaves out as many answers as are known already. */
export async function getJob(id: string, after: number, signal: AbortSignal): Promise<Job> {
  const { data } = await client.GET("/api/v1/jobs/{job}", {
    params: { path: { job: id }, query: { after } },
    signal,
  });
  if (!data) throw new Error("A good answer holds a job.");
  return data;
}

/** Cancel a job or throw it away, with everything the service holds of it. */
export async function deleteJob(id: string): Promise<void> {
  await client.DELETE("/api/v1/jobs/{job}", { params: { path: { job: id } }, keepalive: true });
}
