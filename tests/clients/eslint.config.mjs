// The schema under graphql-eslint's recommended and Relay rules. What is switched off or loosened
// is a decision about this schema, with its reason.

import graphql from "@graphql-eslint/eslint-plugin";
import { fileURLToPath } from "node:url";

const schema = fileURLToPath(new URL("../../schema.graphql", import.meta.url));

const federation = fileURLToPath(new URL("federation.graphql", import.meta.url));

const recommended = graphql.configs["flat/schema-recommended"].rules;
const [, naming] = recommended["@graphql-eslint/naming-convention"];
const [, described] = recommended["@graphql-eslint/require-description"];

export default [
  {
    files: ["**/*.graphql"],
    languageOptions: {
      parser: graphql.parser,
      parserOptions: { graphQLConfig: { schema: [schema, federation] } },
    },
    plugins: { "@graphql-eslint": graphql },
    rules: {
      ...recommended,
      ...graphql.configs["flat/schema-relay"].rules,

      // `_entities`, `_service` and their types are named by Federation, which describes them.
      "@graphql-eslint/require-description": [
        "error",
        { ...described, ignoredSelectors: ["[name.value=/^_(Any|Entity|Service)$/]"] },
      ],
      "@graphql-eslint/naming-convention": [
        "error",
        {
          ...naming,
          allowLeadingUnderscore: true,
          FieldDefinition: { style: "camelCase", ignorePattern: "^_(entities|service)$" },
        },
      ],

      // The rule takes every list in the schema for a connection's edges. Payloads have lists of
      // errors, connections have `nodes` beside their edges, and short closed lists (platforms,
      // scopes, what was skipped) are lists.
      "@graphql-eslint/relay-edge-types": [
        "error",
        { withEdgeSuffix: true, shouldImplementNode: false, listTypeCanWrapOnlyEdgeType: false },
      ],

      // What has an identity has an id. The rest are values that belong to the object they hang
      // on: an id would make caches share what must not be shared, such as a task as it once was.
      "@graphql-eslint/strict-id-in-types": [
        "error",
        {
          exceptions: {
            suffixes: ["Connection", "Edge", "Payload"],
            types: [
              "AuthorCount", // known by the author
              "BusyWorker", // known by its name
              "FailureCount", // known by the reason
              "LikesBand", // a band of a task's statistics
              "MinuteCount", // known by the minute
              "Operations", // how the installation stands
              "Queue", // how the line stands
              "TargetResolution", // what a text means
              "TaskStatistics", // a task's
              "TimelineSlot", // a span of a task's statistics
              "Budget", // known by its host and credential
              "PageInfo", // a place in a list
              "Receipt", // a task's
              "SkippedEntries", // a receipt's
              "TaskError", // a task's
              "TaskEvent", // known by its task and `seq`
              "TaskPosts", // a batch of a task's posts, known by its position
              "TaskPreview", // of a task that does not exist
              "TaskProgress", // a task's
              "TaskResult", // a task's
              "TaskSnapshot", // a task as it once was
              "TaskUpdate", // known by its task and `seq`
              "TasksUpdate", // known by its position
              "TaskWaiting", // a task's
              "UserError", // a payload's
              "_Service", // Federation's
            ],
          },
        },
      ],
    },
  },
];
