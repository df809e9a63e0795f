// Apollo's composition: this subgraph alone, and beside one that extends its entity.

import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import test from "node:test";

import { composeServices } from "@apollo/composition";
import { buildSubgraphSchema } from "@apollo/subgraph";
import { parse } from "graphql";

const typeDefs = parse(readFileSync(new URL("../../schema.graphql", import.meta.url), "utf-8"));
const sluice = { name: "sluice", url: "http://sluice.test/graphql", typeDefs };

const notes = {
  name: "notes",
  url: "http://notes.test/graphql",
  typeDefs: parse(`
    extend schema
      @link(url: "https://specs.apollo.dev/federation/v2.9", import: ["@key", "@shareable"])

    type Task @key(fields: "id") {
      id: ID!
      notes(first: Int!): NoteConnection!
    }
    type NoteConnection {
      nodes: [Note!]!
      pageInfo: PageInfo!
    }
    type Note {
      text: String!
    }
    type PageInfo @shareable {
      hasNextPage: Boolean!
      hasPreviousPage: Boolean!
      startCursor: String
      endCursor: String
    }
  `),
};

test("the schema is a subgraph", () => {
  assert.ok(buildSubgraphSchema(typeDefs));
});

for (const services of [[sluice], [sluice, notes]]) {
  test(`it composes with ${services.length - 1} others`, () => {
    const { errors, supergraphSdl, hints } = composeServices(services);

    assert.deepEqual(errors ?? [], []);
    assert.ok(supergraphSdl.includes("type Task"));
    assert.deepEqual(
      hints.filter((hint) => hint.definition.level.name === "WARN").map((hint) => hint.message),
      [],
    );
  });
}
