/** Requests to the server that served this page, with the token in a header. Never rejects: no answer is a problem too. */

/** @typedef {{ status: number, code: string, title: string, detail: string, retryMs: number }} Problem */
/**
 * @template T
 * @typedef {{ ok: true, value: T } | { ok: false, problem: Problem }} Answer
 */

const patienceMs = 20_000;

/** @template T @param {string} token @param {"GET" | "PUT" | "DELETE"} method @param {string} path @returns {Promise<Answer<T>>} */
export async function ask(token, method, path) {
  try {
    const response = await fetch(path, {
      method,
      headers: { authorization: `Bearer ${token}` },
      cache: "no-store",
      credentials: "omit",
      redirect: "error",
      signal: AbortSignal.timeout(patienceMs),
    });
    const body = response.status === 204 ? null : await response.json();
    return response.ok
      ? { ok: true, value: body }
      : { ok: false, problem: problemOf(response.status, body, response.headers.get("retry-after")) };
  } catch {
    return { ok: false, problem: problemOf(0, null, null) };
  }
}

/** @param {number} status @param {Record<string, unknown> | null} body @param {string | null} retryAfter @returns {Problem} */
function problemOf(status, body, retryAfter) {
  const text = (/** @type {unknown} */ value, /** @type {string} */ otherwise) =>
    typeof value === "string" ? value : otherwise;
  const told = typeof body?.["retryMs"] === "number" ? body["retryMs"] : Number(retryAfter ?? 0) * 1_000;
  return {
    status,
    code: text(body?.["code"], ""),
    title: text(
      body?.["title"],
      status === 0 ? "The server can't be reached" : `The server answered ${status}`,
    ),
    detail: text(body?.["detail"], ""),
    retryMs: Number.isFinite(told) ? Math.min(told, 300_000) : 0,
  };
}
