/**
 * The page at `/`, for a person who tries the server: files of the folder `page/`, read whole at the start, and nothing else.
 *
 * It runs what is among them alone (`Content-Security-Policy`), talks to its own host alone, is framed by nobody, and
 * tells nobody where it was. Every answer has an `ETag`, and is asked about again each time (`no-cache`), so that a page
 * and its modules are never of two versions for longer than a load.
 */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import type { FastifyInstance } from "fastify";

export interface PageFile {
  readonly path: string;
  readonly type: string;
  readonly body: Buffer;
  readonly etag: string;
}

const folder = new URL("../page/", import.meta.url);

const types: Readonly<Record<string, string>> = {
  html: "text/html; charset=utf-8",
  css: "text/css; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  svg: "image/svg+xml",
};

const policy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self'",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
  "require-trusted-types-for 'script'",
  "trusted-types 'none'",
].join("; ");

const headers = {
  "cache-control": "no-cache",
  "content-security-policy": policy,
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "referrer-policy": "no-referrer",
  "x-content-type-options": "nosniff",
};

/** By itself on a server of its own; where several share a store, the operator decides what their address shows. */
export const servesPage = (wanted: "auto" | "on" | "off", isShared: boolean): boolean =>
  wanted === "auto" ? !isShared : wanted === "on";

export function readPage(): readonly PageFile[] {
  return readdirSync(folder).flatMap((name) => {
    const type = types[name.split(".").at(-1)!];
    if (type === undefined) return [];
    const body = readFileSync(new URL(name, folder));
    const etag = `"${createHash("sha256").update(body).digest("base64url").slice(0, 22)}"`;
    return [{ path: name === "index.html" ? "/" : `/page/${name}`, type, body, etag }];
  });
}

export function page(app: FastifyInstance, files: readonly PageFile[]): void {
  for (const { path, type, body, etag } of files) {
    app.route({
      method: ["GET", "HEAD"],
      url: path,
      config: { access: "anybody" },
      handler(request, reply) {
        reply.headers({ ...headers, "content-type": type, etag });
        return isKnown(request.headers["if-none-match"], etag) ? reply.code(304).send() : reply.send(body);
      },
    });
  }
}

/** Compared weakly, as RFC 9110, section 13.1.2, asks: a proxy that compresses makes it weak. */
const isKnown = (known: string | undefined, etag: string): boolean =>
  known?.split(",").some((one) => /^\s*\*\s*$/.test(one) || one.trim().replace(/^W\//, "") === etag) === true;
