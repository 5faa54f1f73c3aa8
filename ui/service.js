// The service over HTTP: one place that knows its address, the token, and what can go wrong.

const API = new URL("../api/v1/", import.meta.url);
const KEPT = "tidegauge.token";
const PATIENCE_MS = 10_000;

/** Why no answer came. `kind` is "unreachable", "locked", "busy" or "refused". */
export class Trouble extends Error {
  /**
   * @param {"unreachable"|"locked"|"busy"|"refused"} kind
   * @param {string} message one sentence for people
   * @param {number} [status] the HTTP status, if there was one
   */
  constructor(kind, message, status) {
    super(message);
    this.kind = kind;
    this.status = status;
  }
}

let refused = false;

/** The token of this tab, or null. @returns {string|null} */
export function token() {
  return sessionStorage.getItem(KEPT);
}

/** Keeps a token until the tab is closed, or the service refuses it. @param {string} value */
export function keepToken(value) {
  refused = false;
  sessionStorage.setItem(KEPT, value);
}

/** Whether the last token that was kept was refused. @returns {boolean} */
export function tokenWasRefused() {
  return refused;
}

/**
 * Asks a route below `/api/v1/` and gives the response, whatever its body is.
 * @param {string} route
 * @param {{headers?: Record<string, string>, signal?: AbortSignal}} [options]
 * @returns {Promise<Response>}
 * @throws {Trouble}
 */
export async function open(route, { headers = {}, signal } = {}) {
  const kept = token();
  let response;
  try {
    response = await fetch(new URL(route, API), {
      headers: kept === null ? headers : { ...headers, Authorization: `Bearer ${kept}` },
      cache: "no-store",
      credentials: "omit",
      signal,
    });
  } catch (error) {
    if (signal?.aborted && signal.reason?.name !== "TimeoutError") throw error;
    throw new Trouble("unreachable", "The service does not answer at this address.");
  }
  if (response.ok) return response;
  if (response.status === 401) {
    // Another token was given meanwhile: the answer says nothing about that one.
    if (token() !== kept) return open(route, { headers, signal });
    if (kept !== null) {
      refused = true;
      sessionStorage.removeItem(KEPT);
    }
  }
  throw await refusal(response);
}

/**
 * Asks a route and reads its JSON.
 * @param {string} route
 * @returns {Promise<any>}
 * @throws {Trouble}
 */
export async function ask(route) {
  const response = await open(route, { signal: AbortSignal.timeout(PATIENCE_MS) });
  try {
    return await response.json();
  } catch {
    throw new Trouble("unreachable", "The service's answer broke off.");
  }
}

async function refusal(response) {
  let detail = "";
  try {
    detail = (await response.json()).detail ?? "";
  } catch {
    // A proxy in between may answer with something else than problem details.
  }
  if (response.status === 401) return new Trouble("locked", detail, 401);
  const words = detail || response.statusText;
  const said = `The service answered ${response.status}${words ? `: ${words}` : ""}.`.replace(/\.\.$/, ".");
  const busy = response.status === 503 || response.status === 429;
  return new Trouble(busy ? "busy" : "refused", said, response.status);
}
