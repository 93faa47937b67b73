/** Where the app is mounted: the server writes its prefix into <base href>. */

/** "" at the root of a host, else "/prefix" without a trailing slash. */
export function readBasePath(): string {
  const href = document.querySelector("base")?.getAttribute("href") ?? "/";
  return new URL(href, location.origin).pathname.replace(/\/+$/, "");
}

/** Turns an absolute path of the server ("/api/v1/me") into one below the prefix. */
export function serverPath(path: string): string {
  return readBasePath() + path;
}

/** The address a client on another machine uses, e.g. "https://host/prefix". */
export function readServerUrl(): string {
  return location.origin + readBasePath();
}
