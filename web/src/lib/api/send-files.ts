import { authorization } from "@/lib/api/api-key";
import { serviceUrl } from "@/lib/api/service-url";
import { ProblemError, problemOf } from "@/lib/problem";

interface SendOptions {
  headers: Record<string, string>;
  signal: AbortSignal;
  onProgress: (fraction: number) => void;
}

/** Post files as multipart; by XMLHttpRequest because fetch does not tell how far an upload is. */
export function sendFiles(
  url: string,
  files: { file: File; path: string }[],
  { headers, signal, onProgress }: SendOptions,
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open("POST", serviceUrl(url));
    request.responseType = "json";
    for (const [name, value] of Object.entries({ ...headers, ...authorization() })) {
      request.setRequestHeader(name, value);
    }
    request.upload.onprogress = (event) => {
      if (event.lengthComputable) onProgress(event.loaded / event.total);
    };
    request.onload = () => {
      const body: unknown = request.response;
      if (request.status >= 200 && request.status < 300) resolve(body);
      else {
        const retryAfter = request.getResponseHeader("Retry-After");
        reject(new ProblemError(problemOf(request.status, body, retryAfter)));
      }
    };
    request.onerror = () => {
      reject(new ProblemError({ kind: "offline" }));
    };
    signal.addEventListener("abort", () => {
      request.abort();
      reject(new DOMException("The upload was cancelled.", "AbortError"));
    });
    request.send(formOf(files));
  });
}

function formOf(files: { file: File; path: string }[]): FormData {
  const form = new FormData();
  for (const { file, path } of files) form.append("file", file, path);
  return form;
}
