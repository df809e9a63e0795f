// Relay: the compiler over the served schema, then the runtime's pagination, refetch and updates.

import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import test from "node:test";
import { fileURLToPath } from "node:url";

import { buildClientSchema, getIntrospectionQuery, printSchema } from "graphql";
import runtime from "relay-runtime";

import { ask, create, newGroup } from "./server.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const {
  ConnectionHandler,
  Environment,
  Network,
  RecordSource,
  Store,
  commitMutation,
  createOperationDescriptor,
  fetchQuery,
} = runtime;

async function compile(folder) {
  cpSync(join(here, "relay"), join(folder, "src"), { recursive: true });
  mkdirSync(join(folder, "made"));
  symlinkSync(join(here, "node_modules"), join(folder, "node_modules"));
  const schema = buildClientSchema(await ask(getIntrospectionQuery()));
  writeFileSync(join(folder, "schema.graphql"), printSchema(schema));
  writeFileSync(join(folder, "package.json"), JSON.stringify({ type: "module" }));
  const config = {
    src: "src",
    schema: "schema.graphql",
    language: "javascript",
    artifactDirectory: "made",
    eagerEsModules: true,
  };
  writeFileSync(join(folder, "relay.config.json"), JSON.stringify(config));
  const compiler = createRequire(import.meta.url)("relay-compiler");
  execFileSync(compiler, [], { cwd: folder, stdio: "pipe" });
  return async (name) => (await import(join(folder, "made", `${name}.graphql.js`))).default;
}

function connect() {
  const network = Network.create(async ({ text }, variables) => ({
    data: await ask(text, variables),
  }));
  return new Environment({ network, store: new Store(new RecordSource()) });
}

const folder = mkdtempSync(join(here, ".relay-"));
test.after(() => rmSync(folder, { recursive: true }));
const load = await compile(folder);

async function query(environment, request, variables) {
  await fetchQuery(environment, request, variables).toPromise();
  const operation = createOperationDescriptor(request, variables);
  environment.retain(operation);
  return environment.lookup(operation.fragment).data;
}

function listed(environment, group) {
  const root = environment.getStore().getSource();
  const id = ConnectionHandler.getConnectionID("client:root", "documents_tasks", {
    filter: { groupId: [group] },
  });
  const edges = root.get(id)?.edges?.__refs ?? [];
  return { id, nodes: edges.map((edge) => root.get(root.get(edge).node.__ref).id) };
}

test("a connection grows page by page, and mutations insert and delete", async () => {
  const group = newGroup("relay");
  const ids = await create(group, 5);
  const environment = connect();
  const first = await load("documentsTasksQuery");
  const more = await load("documentsTasksPaginationQuery");

  await query(environment, first, { group, first: 2 });
  const page = () => {
    const source = environment.getStore().getSource();
    return source.get(source.get(listed(environment, group).id).pageInfo.__ref);
  };
  while (page().hasNextPage) {
    await query(environment, more, { group, first: 2, after: page().endCursor });
  }
  assert.deepEqual(listed(environment, group).nodes, ids);

  const connections = [listed(environment, group).id];
  const mutate = async (name, input) => {
    const mutation = await load(name);
    return new Promise((onCompleted, onError) =>
      commitMutation(environment, {
        mutation,
        variables: { input, connections },
        onCompleted,
        onError,
      }),
    );
  };
  const created = await mutate("documentsCreateMutation", { groupId: group, maxPosts: 1 });
  assert.equal(listed(environment, group).nodes[0], created.createTask.task.id);
  await mutate("documentsDeleteMutation", { id: ids[0] });
  assert.deepEqual(listed(environment, group).nodes, [created.createTask.task.id, ...ids.slice(1)]);
});

test("a fragment is refetched through node", async () => {
  const [id] = await create("sandbox:slow", 1);
  const environment = connect();
  const data = await query(environment, await load("documentsTaskQuery"), { id });
  assert.equal(data.task.groupId, "sandbox:slow");

  // What changes on the server shows once the fragment is asked for again, by the task's id.
  const revision = () => environment.getStore().getSource().get(id).revision;
  const before = revision();
  await ask(`mutation ($id: ID!) { cancelTask(input: { id: $id }) { userErrors { code } } }`, {
    id,
  });
  assert.equal(revision(), before);
  await query(environment, await load("documentsPostsRefetchQuery"), { id });
  assert.ok(revision() > before);
});
