// The part of Sluice's schema that the benchmark asks for, and resolvers for it.
import { readFileSync } from "node:fs";

import { GraphQLScalarType } from "graphql";

import * as database from "./database.mjs";

export const typeDefs = readFileSync(new URL("../schema.graphql", import.meta.url), "utf8");

const globalId = (text) => Buffer.from(text).toString("base64");
const key = (id) => Buffer.from(id, "base64").toString().split(":")[1];
const cursorOf = (mark) => Buffer.from(String(mark)).toString("base64url");
const readCursor = (cursor) => (cursor == null ? undefined : Number(Buffer.from(cursor, "base64url").toString()));

function connection(rows, { first, after }, mark) {
  const nodes = rows.slice(0, first);
  const edges = nodes.map((node) => ({ cursor: cursorOf(node[mark]), node }));
  const pageInfo = {
    hasNextPage: rows.length > first,
    hasPreviousPage: after != null,
    startCursor: edges[0]?.cursor ?? null,
    endCursor: edges.at(-1)?.cursor ?? null,
  };
  return { edges, nodes, pageInfo };
}

/** Pages of posts for parents that were asked for together. */
export async function postsOf(wanted) {
  const { first, after } = wanted[0].args;
  const pages = await database.posts(wanted.map(({ task }) => task.id), { first, after: readCursor(after) });
  return pages.map((rows, index) => ({
    ...connection(rows, wanted[index].args, "position"),
    totalCount: wanted[index].task.posts_count,
  }));
}

const scalar = (name, serialize) => new GraphQLScalarType({ name, serialize });

/** Resolvers without those that load in batches, for which every server has its own way. */
export const resolvers = {
  BigInt: scalar("BigInt", Number),
  DateTime: scalar("DateTime", (moment) => moment.toISOString()),
  Query: {
    task: (_, { id }) => database.task(Number(key(id))),
    tasks: async (_, { first, after, filter }) => {
      const status = filter?.status?.map((each) => each.toLowerCase());
      const rows = await database.tasks({ first, after: readCursor(after), status });
      return connection(rows, { first, after }, "id");
    },
  },
  Mutation: {
    createTask: async (_, { input }) => ({ task: await database.create(input), userErrors: [] }),
  },
  Task: {
    id: (row) => globalId(`Task:${row.id}`),
    databaseId: (row) => row.id,
    groupId: (row) => row.group_id,
    groupName: (row) => row.group_name,
    maxPosts: (row) => row.max_posts,
    status: (row) => row.status.toUpperCase(),
    postsCount: (row) => row.posts_count,
    createdAt: (row) => row.created_at,
    completedAt: (row) => row.completed_at,
    updatedAt: (row) => row.updated_at,
    result: (row) =>
      row.completed_at && {
        endedAt: row.completed_at,
        complete: row.receipt?.complete ?? false,
        stopReason: row.stop_reason?.toUpperCase() ?? null,
        receipt: row.receipt && { ...row.receipt, requested: row.max_posts },
      },
  },
  Post: {
    id: (row) => globalId(`Post:${row.task_id}:${row.post_id}`),
    sourceId: (row) => row.post_id,
    createdTime: (row) => row.created_time,
  },
};
