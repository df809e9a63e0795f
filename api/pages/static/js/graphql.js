// Queries and mutations over our own GraphQL API, with the session's cookie.

// This module stands at <root>/static/<mark>/js/, wherever the application is mounted.
export const ENDPOINT = new URL("../../../graphql", import.meta.url);

/** What the API refused, with its code, such as `FORBIDDEN`. */
export class Refusal extends Error {
  /**
   * @param {string} message
   * @param {string} code
   */
  constructor(message, code) {
    super(message);
    this.code = code;
  }
}

/**
 * Send an operation and return its data. Where a field failed and was null, the failure is thrown.
 * @param {string} document
 * @param {Record<string, unknown>} [variables]
 * @param {AbortSignal} [signal]
 * @returns {Promise<any>}
 * @throws {Refusal} The API answered with errors.
 * @throws {TypeError} It could not be reached.
 */
export async function ask(document, variables = {}, signal) {
  const answer = await fetch(ENDPOINT, {
    method: "POST",
    headers: { "Content-Type": "application/json", Accept: "application/graphql-response+json" },
    body: JSON.stringify({ query: document, variables }),
    signal,
  });
  const { data, errors } = await answer.json();
  if (errors?.length) {
    throw new Refusal(errors[0].message, errors[0].extensions?.code ?? "UNKNOWN");
  }
  return data;
}
