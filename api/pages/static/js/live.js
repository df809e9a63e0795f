// Subscriptions over our own GraphQL API: they reconnect by themselves and go on where they were,
// and the page says how its connection stands.

import { createClient } from "../vendor/graphql-ws.min.js";
import { ENDPOINT } from "./graphql.js";
import WORDS from "./words.js";

const PING_MS = 10_000;
const PONG_MS = 5_000;
const FIRST_RETRY_MS = 500;
const LAST_RETRY_MS = 8_000;
// The server's own codes for: no credential, one that was revoked, and a socket opened too often.
const REFUSED = new Set([4400, 4401, 4403, 4406, 4429]);

/** Shows in `[data-live]` how the connection stands. */
export class LiveState {
  /** @param {ParentNode} [root] */
  constructor(root = document) {
    this.element = /** @type {HTMLElement | null} */ (root.querySelector("[data-live]"));
  }

  /** @param {"connecting" | "live" | "lost" | "ended" | "refused"} state */
  show(state) {
    if (!this.element || this.element.dataset.live === state) return;
    this.element.dataset.live = state;
    this.element.hidden = false;
    this.element.querySelector("[data-live-words]").textContent = WORDS.live[state];
  }
}

/**
 * Watch a subscription for as long as the page stands, over lost connections. `next` may return
 * variables, such as `since`: after a loss, the subscription is made with them.
 * @param {object} wish
 * @param {string} wish.document
 * @param {Record<string, unknown>} wish.variables
 * @param {(data: any) => Record<string, unknown> | void} wish.next
 * @param {() => void} [wish.complete] The server has said all that there is to say.
 * @param {LiveState} [state]
 * @returns {() => void} Ends it.
 */
export function watch({ document: query, variables, next, complete }, state = new LiveState()) {
  let ended = false;
  const client = connection(state, () => ended);
  const payload = { query, variables: { ...variables } };
  const finish = (/** @type {"ended" | "refused"} */ how) => {
    ended = true;
    state.show(how);
    client.dispose();
  };
  client.subscribe(payload, {
    next: ({ data }) => {
      // The client sends this very object again when it reconnects.
      if (data) Object.assign(payload.variables, next(data) ?? {});
    },
    error: () => finish("refused"),
    complete: () => {
      if (ended) return;
      finish("ended");
      complete?.();
    },
  });
  // A page that goes to the browser's cache must not hold its socket, and comes back as new.
  addEventListener("pagehide", () => { ended = true; client.dispose(); });
  addEventListener("pageshow", (event) => { if (event.persisted) location.reload(); });
  return () => { ended = true; client.dispose(); };
}

/**
 * @param {LiveState} state
 * @param {() => boolean} isOver
 */
function connection(state, isOver) {
  /** @type {WebSocket | undefined} */
  let socket;
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  let overdue;
  const url = new URL(ENDPOINT);
  url.protocol = url.protocol.replace("http", "ws");
  const client = createClient({
    url: url.href,
    keepAlive: PING_MS,
    retryAttempts: Infinity,
    shouldRetry: (problem) => !REFUSED.has(problem?.code),
    retryWait: (retries) => backOff(retries),
    on: {
      connecting: (isRetry) => state.show(isRetry ? "lost" : "connecting"),
      opened: (opened) => { socket = opened; },
      connected: () => state.show("live"),
      ping: (received) => {
        if (received) return;
        // A connection that died without a word would look alive for minutes.
        overdue = setTimeout(() => client.terminate(), PONG_MS);
      },
      pong: (received) => { if (received) clearTimeout(overdue); },
      closed: () => {
        clearTimeout(overdue);
        if (!isOver()) state.show("lost");
      },
    },
  });
  // The browser knows sooner than any ping.
  addEventListener("offline", () => { if (socket?.readyState === WebSocket.OPEN) client.terminate(); });
  return client;
}

/**
 * Wait longer from time to time, differently in each browser, and no longer once there is a
 * network again.
 * @param {number} retries
 */
function backOff(retries) {
  const longest = Math.min(LAST_RETRY_MS, FIRST_RETRY_MS * 2 ** retries);
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, longest / 2 + Math.random() * longest / 2);
    addEventListener("online", () => { clearTimeout(timer); resolve(undefined); }, { once: true });
  });
}
