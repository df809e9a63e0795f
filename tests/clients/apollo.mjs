// Apollo Client: a normalised cache that merges pages, persisted queries, and batches.

import assert from "node:assert/strict";
import test from "node:test";

import { ApolloClient, ApolloLink, gql, HttpLink, InMemoryCache } from "@apollo/client";
import { BatchHttpLink } from "@apollo/client/link/batch-http";
import { PersistedQueryLink } from "@apollo/client/link/persisted-queries";
import { relayStylePagination } from "@apollo/client/utilities";
import { createHash } from "node:crypto";

import { address, create, headers, newGroup } from "./server.mjs";

const TASKS = gql`
  query Tasks($group: String!, $first: Int!, $after: String) {
    tasks(filter: { groupId: [$group] }, first: $first, after: $after) {
      totalCount
      edges {
        cursor
        node {
          id
          priority
        }
      }
      pageInfo {
        hasNextPage
        hasPreviousPage
        startCursor
        endCursor
      }
    }
  }
`;

function connect(link) {
  const cache = new InMemoryCache({
    typePolicies: { Query: { fields: { tasks: relayStylePagination(["filter"]) } } },
  });
  return new ApolloClient({ cache, link });
}

test("pages are merged in the cache, and a mutation adds to it", async () => {
  const group = newGroup("apollo");
  const ids = await create(group, 7);
  const client = connect(new HttpLink({ uri: address, headers }));
  const variables = { group, first: 3 };
  const watched = client.watchQuery({ query: TASKS, variables });
  const subscription = watched.subscribe(() => {});
  await client.query({ query: TASKS, variables });
  const cached = () => client.readQuery({ query: TASKS, variables }).tasks;
  while (cached().pageInfo.hasNextPage) {
    await watched.fetchMore({ variables: { after: cached().pageInfo.endCursor } });
  }
  const merged = cached();
  assert.deepEqual(
    merged.edges.map((edge) => edge.node.id),
    ids,
  );
  assert.equal(merged.totalCount, 7);

  const { data } = await client.mutate({
    mutation: gql`
      mutation Create($input: CreateTaskInput!) {
        createTask(input: $input) {
          task {
            id
            priority
          }
          userErrors {
            field
            message
            code
          }
        }
      }
    `,
    variables: { input: { groupId: group, maxPosts: 1, priority: 5 } },
  });
  assert.deepEqual(data.createTask.userErrors, []);
  const objects = client.cache.extract();
  assert.equal(objects[`Task:${data.createTask.task.id}`].priority, 5);
  assert.ok(ids.every((id) => objects[`Task:${id}`]));
  subscription.unsubscribe();
});

test("a persisted query is sent by its hash, by GET", async () => {
  const sent = [];
  const spy = (uri, options) => {
    sent.push({ uri: String(uri), method: options.method });
    return fetch(uri, options);
  };
  const link = new PersistedQueryLink({
    sha256: (text) => createHash("sha256").update(text).digest("hex"),
    useGETForHashedQueries: true,
  }).concat(new HttpLink({ uri: address, headers, fetch: spy }));
  const query = gql`
    query Who {
      viewer {
        id
        email
      }
    }
  `;

  const first = await connect(link).query({ query, fetchPolicy: "network-only" });
  const second = await connect(link).query({ query, fetchPolicy: "network-only" });

  assert.deepEqual(second.data, first.data);
  assert.ok(first.data.viewer.email);
  assert.equal(sent.at(-1).method, "GET");
  assert.ok(!sent.at(-1).uri.includes("query="));
});

test("operations that are asked for together go in one batch", async () => {
  let requests = 0;
  const spy = (uri, options) => {
    requests += 1;
    return fetch(uri, options);
  };
  const client = connect(
    ApolloLink.from([new BatchHttpLink({ uri: address, headers, fetch: spy, batchInterval: 50 })]),
  );

  const [viewer, platforms] = await Promise.all([
    client.query({
      query: gql`
        query Viewer {
          viewer {
            id
          }
        }
      `,
    }),
    client.query({
      query: gql`
        query Platforms {
          platforms {
            id
            name
          }
        }
      `,
    }),
  ]);

  assert.equal(requests, 1);
  assert.ok(viewer.data.viewer.id);
  assert.ok(platforms.data.platforms.some((platform) => platform.name === "sandbox"));
});

test("an error of a field reaches the caller with its code", async () => {
  const client = connect(new HttpLink({ uri: address, headers }));

  const { data, error } = await client.query({
    query: gql`
      query Nothing {
        node(id: "nonsense") {
          id
        }
      }
    `,
    errorPolicy: "all",
  });

  assert.equal(data.node, null);
  assert.equal(error.errors[0].extensions.code, "VALIDATION_FAILED");
});
