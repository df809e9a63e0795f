// The schema linter, through its own program, so that its configuration is found as usual.

import assert from "node:assert/strict";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { ESLint } from "eslint";

const root = fileURLToPath(new URL("../..", import.meta.url));
const config = fileURLToPath(new URL("eslint.config.mjs", import.meta.url));

test("the schema has no finding that the configuration does not explain", async () => {
  const eslint = new ESLint({ cwd: root, overrideConfigFile: config });

  const [result] = await eslint.lintFiles(["schema.graphql"]);

  const found = result.messages.map((each) => `${each.line}: ${each.ruleId}: ${each.message}`);
  assert.deepEqual(found, []);
});
