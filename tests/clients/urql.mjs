// urql: its normalised cache with Relay's pagination, and errors.

import assert from "node:assert/strict";
import test from "node:test";

import { Client, fetchExchange, gql } from "@urql/core";
import { cacheExchange } from "@urql/exchange-graphcache";
import { relayPagination } from "@urql/exchange-graphcache/extras";

import { address, create, headers, newGroup } from "./server.mjs";

const TASKS = gql`
  query Tasks($group: String!, $first: Int!, $after: String) {
    tasks(filter: { groupId: [$group] }, first: $first, after: $after) {
      edges {
        cursor
        node {
          id
          status
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

function connect(options = {}) {
  const cache = cacheExchange({
    resolvers: { Query: { tasks: relayPagination() } },
    keys: { TaskProgress: () => null },
  });
  return new Client({
    url: address,
    exchanges: [cache, fetchExchange],
    fetchOptions: { headers },
    ...options,
  });
}

test("pages are merged in the cache", async () => {
  const group = newGroup("urql");
  const ids = await create(group, 5);
  const client = connect();
  const variables = { group, first: 2 };

  let page = await client.query(TASKS, variables).toPromise();
  while (page.data.tasks.pageInfo.hasNextPage) {
    const after = page.data.tasks.pageInfo.endCursor;
    page = await client.query(TASKS, { ...variables, after }).toPromise();
  }

  assert.equal(page.error, undefined);
  const found = page.data.tasks.edges.map((edge) => edge.node.id);
  assert.deepEqual(found, ids);
});

for (const preferGetMethod of [false, "force"]) {
  test(`a query is answered, preferGetMethod ${preferGetMethod}`, async () => {
    const client = connect({ preferGetMethod });

    const answer = await client.query(gql`{ viewer { id email } }`, {}).toPromise();

    assert.equal(answer.error, undefined);
    assert.ok(answer.data.viewer.email);
  });
}

test("a mutation answers its payload", async () => {
  const answer = await connect()
    .mutation(
      gql`
        mutation Create($input: CreateTaskInput!) {
          createTask(input: $input) {
            task {
              id
              status
            }
            userErrors {
              field
              message
            }
          }
        }
      `,
      { input: { groupId: "sandbox:urql", maxPosts: 0 } },
    )
    .toPromise();

  assert.equal(answer.error, undefined);
  assert.deepEqual(answer.data.createTask.userErrors[0].field, ["input", "maxPosts"]);
});

test("an invalid document and a wrong token are errors in words", async () => {
  const invalid = await connect().query(gql`{ nothing }`, {}).toPromise();
  const refused = await connect({ fetchOptions: { headers: { Authorization: "Bearer x" } } })
    .query(gql`{ viewer { id } }`, {})
    .toPromise();

  assert.equal(invalid.error.graphQLErrors[0].extensions.code, "GRAPHQL_VALIDATION_FAILED");
  assert.equal(refused.error.graphQLErrors[0].extensions.code, "UNAUTHENTICATED");
});
