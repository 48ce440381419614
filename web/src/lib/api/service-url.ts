/** Where the service answers: the page's own folder, which a proxy may show under any path. */

/** Without a slash at its end, as openapi-fetch joins it. */
export const SERVICE = rootOf(globalThis.location.href);

const ROUTES = "/api/v1/";

export function rootOf(page: string): string {
  return new URL(".", page).href.replace(/\/$/, "");
}

/**
 * The address of a path that the service gave, such as that of a picture. A proxy may have taken
 * off what stands before the route, or the service may have been told it: neither matters.
 */
export function serviceUrl(path: string, service: string = SERVICE): string {
  const route = path.lastIndexOf(ROUTES); // the path before it may hold the same words
  return route < 0 ? path : service + path.slice(route);
}
