import { vi } from "vitest";

/** Parts of a browser that jsdom does not have: layout, media queries, canvas. */
export function installBrowser(): void {
  vi.stubGlobal("ResizeObserver", StillObserver);
  vi.stubGlobal("matchMedia", (query: string) => ({
    matches: false,
    media: query,
    addEventListener: () => undefined,
    removeEventListener: () => undefined,
  }));
  // Virtual tables draw the rows that fit.
  for (const side of ["clientWidth", "offsetWidth"]) {
    Object.defineProperty(HTMLElement.prototype, side, { configurable: true, get: () => 1200 });
  }
  for (const side of ["clientHeight", "offsetHeight"]) {
    Object.defineProperty(HTMLElement.prototype, side, { configurable: true, get: () => 900 });
  }
  HTMLElement.prototype.setPointerCapture = () => undefined;
  // uPlot draws paths; that they look right is a matter of the tests in a real browser.
  vi.stubGlobal(
    "Path2D",
    class {
      moveTo = () => undefined;
      lineTo = () => undefined;
      rect = () => undefined;
      arc = () => undefined;
    },
  );
  HTMLCanvasElement.prototype.getContext = function getContext(this: HTMLCanvasElement) {
    return contextOf(this);
  } as unknown as HTMLCanvasElement["getContext"];
  URL.createObjectURL = () => "blob:made";
  URL.revokeObjectURL = () => undefined;
}

class StillObserver {
  readonly #report: ResizeObserverCallback;

  constructor(report: ResizeObserverCallback) {
    this.#report = report;
  }

  observe(target: Element): void {
    const contentRect = { width: 400, height: 300 } as DOMRectReadOnly;
    const entry = { target, contentRect } as ResizeObserverEntry;
    this.#report([entry], this);
  }

  unobserve(): void {
    // Nothing is being watched.
  }

  disconnect(): void {
    // Nothing is being watched.
  }
}

/** A context that takes every call and draws nothing. */
function contextOf(canvas: HTMLCanvasElement): CanvasRenderingContext2D {
  const known: Record<string, unknown> = {
    canvas,
    createImageData: (width: number, height: number) => ({
      width,
      height,
      data: new Uint8ClampedArray(width * height * 4),
    }),
    measureText: () => ({ width: 10 }),
  };
  return new Proxy(known, {
    get: (target, name: string) => (name in target ? target[name] : () => undefined),
    set: () => true,
  }) as unknown as CanvasRenderingContext2D;
}
