// The live server that the tests talk to, and how they ask it directly.

import { randomUUID } from "node:crypto";

export const address = `${process.env.SLUICE_ADDRESS}/graphql`;
export const headers = { Authorization: `Bearer ${process.env.SLUICE_TOKEN}` };

export async function ask(query, variables = {}) {
  const answer = await fetch(address, {
    method: "POST",
    headers: { ...headers, "Content-Type": "application/json" },
    body: JSON.stringify({ query, variables }),
  });
  const { data, errors } = await answer.json();
  if (errors) throw new Error(JSON.stringify(errors));
  return data;
}

// A group that no other test uses, so that what a test lists is its own. The platform needs no
// network; the tests do not wait for its posts.
export function newGroup(name) {
  return `sandbox:${name}-${randomUUID()}`;
}

// Creates tasks, and returns their ids, the newest first.
export async function create(group, count) {
  const tasks = Array.from({ length: count }, () => ({ groupId: group, maxPosts: 5 }));
  const { createTasks } = await ask(
    `mutation ($input: CreateTasksInput!) {
      createTasks(input: $input) { tasks { id } userErrors { message } }
    }`,
    { input: { tasks } },
  );
  return createTasks.tasks.map((task) => task.id).reverse();
}
