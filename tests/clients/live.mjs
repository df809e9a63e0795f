// Subscriptions with the clients that people use, as they come, over every transport.

import assert from "node:assert/strict";
import test from "node:test";

import { ApolloClient, HttpLink, InMemoryCache, gql } from "@apollo/client";
import { GraphQLWsLink } from "@apollo/client/link/subscriptions";
import { Client, fetchExchange, subscriptionExchange } from "@urql/core";
import { EventSource } from "eventsource";
import { createClient as createEventClient } from "graphql-sse";
import { createClient as createSocketClient } from "graphql-ws";
import WebSocket from "ws";

import { address, ask, create, headers, newGroup } from "./server.mjs";

const WATCH = `
  subscription Watch($id: ID!, $since: BigInt) {
    taskUpdated(id: $id, since: $since) { seq type task { id status } }
  }
`;
const socketAddress = address.replace(/^http/, "ws");

// The platform's pages take long enough that a task is watched while it runs.
async function newTask(platform = "happy") {
  const [id] = await create(newGroup(platform), 1);
  return id;
}

function connect(options = {}) {
  return createSocketClient({
    url: socketAddress,
    webSocketImpl: WebSocket,
    connectionParams: headers,
    retryAttempts: 5,
    ...options,
  });
}

// Every event once and in order, the terminal one last.
function assertWhole(updates) {
  const seqs = updates.map((update) => update.seq);
  assert.deepEqual(seqs, seqs.map((_, index) => seqs[0] + index));
  assert.ok(["COMPLETED", "FAILED"].includes(updates.at(-1).task.status));
}

async function collect(results) {
  const updates = [];
  for await (const result of results) {
    assert.equal(result.errors, undefined);
    updates.push(result.data.taskUpdated);
  }
  return updates;
}

// Collects what a client that takes an observer is given.
function observed(subscribe) {
  return new Promise((resolve, reject) => {
    const updates = [];
    subscribe({
      next: (result) => {
        if (result.error || result.errors) reject(result.error ?? result.errors);
        else updates.push(result.data.taskUpdated);
      },
      error: reject,
      complete: () => resolve(updates),
    });
  });
}

test("graphql-ws watches a task to its end", async () => {
  const client = connect();

  const variables = { id: await newTask() };
  assertWhole(await collect(client.iterate({ query: WATCH, variables })));

  await client.dispose();
});

test("graphql-ws runs many operations on one connection", async () => {
  const client = connect();
  const ids = await create(newGroup("many"), 10);

  const watched = await Promise.all(
    ids.map((id) => collect(client.iterate({ query: WATCH, variables: { id } }))),
  );

  watched.forEach(assertWhole);
  await client.dispose();
});

test("graphql-ws resumes after a broken connection without a gap or a repeat", async () => {
  const id = await newTask();
  const seen = [];
  let done = false;
  while (!done) {
    const since = seen.at(-1)?.seq;
    const client = connect({ retryAttempts: 0 });
    const results = client.iterate({ query: WATCH, variables: { id, since } });
    for (let count = 0; count < 2; count += 1) {
      const { value, done: over } = await results.next();
      if (over) {
        done = true;
        break;
      }
      seen.push(value.data.taskUpdated);
    }
    client.terminate();
  }

  assertWhole(seen);
});

test("graphql-ws is told why it is refused", async () => {
  const client = connect({ connectionParams: { Authorization: "Bearer x" }, retryAttempts: 0 });

  const refused = collect(client.iterate({ query: "{ viewer { id } }" }));

  await assert.rejects(refused, (closed) => closed.code === 4403);
});

test("graphql-sse watches a task to its end", async () => {
  const client = createEventClient({ url: address, headers, retryAttempts: 0 });

  const variables = { id: await newTask() };
  assertWhole(await collect(client.iterate({ query: WATCH, variables })));

  client.dispose();
});

test("graphql-sse is told what is wrong with a document", async () => {
  const client = createEventClient({ url: address, headers, retryAttempts: 0 });

  const { value } = await client.iterate({ query: "subscription { nothing }" }).next();

  assert.equal(value.errors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
});

test("Apollo Client watches over a WebSocket", async () => {
  const sockets = connect();
  const client = new ApolloClient({
    link: new GraphQLWsLink(sockets),
    cache: new InMemoryCache(),
  });
  const variables = { id: await newTask() };

  const updates = await observed((observer) =>
    client.subscribe({ query: gql(WATCH), variables }).subscribe(observer),
  );

  assertWhole(updates);
  await sockets.dispose();
});

test("Apollo Client watches over multipart HTTP", async () => {
  const client = new ApolloClient({
    link: new HttpLink({ uri: address, headers }),
    cache: new InMemoryCache(),
  });
  const variables = { id: await newTask() };

  const updates = await observed((observer) =>
    client.subscribe({ query: gql(WATCH), variables }).subscribe(observer),
  );

  assertWhole(updates);
});

for (const over of ["WebSocket", "its own event streams"]) {
  test(`urql watches over ${over}`, async () => {
    const sockets = connect();
    const forward = subscriptionExchange({
      forwardSubscription: ({ query, variables }) => ({
        subscribe: (sink) => ({
          unsubscribe: sockets.subscribe({ query: query ?? "", variables }, sink),
        }),
      }),
    });
    const own = over !== "WebSocket";
    const client = new Client({
      url: address,
      exchanges: own ? [fetchExchange] : [forward, fetchExchange],
      fetchOptions: { headers },
      fetchSubscriptions: own,
    });
    const variables = { id: await newTask() };

    const updates = await new Promise((resolve, reject) => {
      const found = [];
      const { unsubscribe } = client.subscription(WATCH, variables).subscribe((result) => {
        if (result.error) return reject(result.error);
        found.push(result.data.taskUpdated);
        if (["COMPLETED", "FAILED"].includes(found.at(-1).task.status)) {
          setImmediate(() => unsubscribe());
          resolve(found);
        }
      });
    });

    assertWhole(updates);
    await sockets.dispose();
  });
}

test("EventSource watches a task, reconnects, and stops at its end", async () => {
  const id = await newTask();
  const { task } = await ask("query($id: ID!) { task(id: $id) { databaseId } }", { id });
  const statuses = [];
  const events = new EventSource(
    address.replace("/graphql", `/api/tasks/${task.databaseId}/events`),
    {
      fetch: async (input, init) => {
        const answer = await fetch(input, { ...init, headers: { ...init.headers, ...headers } });
        statuses.push(answer.status);
        return answer;
      },
    },
  );

  const seen = [];
  events.onmessage = (event) => seen.push(JSON.parse(event.data));
  await new Promise((resolve) => {
    events.onerror = () => events.readyState === EventSource.CLOSED && resolve();
  });

  assertWhole(seen.map((each) => ({ ...each, task: { status: each.task.status.toUpperCase() } })));
  assert.deepEqual(statuses, [200, 204]);
});
