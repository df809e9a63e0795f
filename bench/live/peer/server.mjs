// The peer: graphql-yoga behind graphql-ws, with nothing behind them. It answers the same
// subscription and the same paths under /bench as our own server, without authentication.

import { createServer } from "node:http";

import { useServer } from "graphql-ws/use/ws";
import { createPubSub, createSchema, createYoga } from "graphql-yoga";
import { WebSocketServer } from "ws";

const pubSub = createPubSub();
const tasks = new Map();

const schema = createSchema({
  typeDefs: `
    type Query { tasks: Int }
    type Task { id: ID! status: String! priority: Int! }
    type TaskUpdate { seq: Int! type: String task: Task }
    type Subscription { taskUpdated(id: ID!): TaskUpdate! }
  `,
  resolvers: {
    Query: { tasks: () => tasks.size },
    Subscription: {
      taskUpdated: {
        async *subscribe(_, { id }) {
          const changes = pubSub.subscribe(id);
          const { seq, task } = tasks.get(id);
          yield { taskUpdated: { seq, type: null, task } };
          for await (const taskUpdated of changes) yield { taskUpdated };
        },
      },
    },
  },
});

function prepare(count) {
  tasks.clear();
  for (let index = 0; index < count; index += 1) {
    const id = `task-${index}`;
    tasks.set(id, { seq: 1, task: { id, status: "PENDING", priority: 0 } });
  }
  return [...tasks.keys()].map((id) => ["", id]);
}

function change(id) {
  const known = tasks.get(id);
  known.seq += 1;
  known.task = { ...known.task, priority: known.seq };
  const committed = Number(process.hrtime.bigint());
  pubSub.publish(id, { seq: known.seq, type: "UPDATED", task: known.task });
  return [id, known.seq, committed];
}

async function changeAll(rate, seconds) {
  const ids = [...tasks.keys()];
  const total = rate * seconds;
  const commits = [];
  const begun = performance.now();
  for (let index = 0; index < total; index += 1) {
    const wait = begun + (index * 1000) / rate - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    commits.push(change(ids[index % ids.length]));
    if (index === Math.floor(total / 2)) globalThis.gc();
  }
  return commits;
}

const yoga = createYoga({ schema, logging: false, graphiql: false });

const server = createServer(async (request, response) => {
  const { pathname, searchParams } = new URL(request.url, "http://localhost");
  const number = (name) => Number(searchParams.get(name));
  const answers = {
    "/bench/prepare": () => prepare(number("tasks")),
    "/bench/change": () => changeAll(number("rate"), number("seconds")),
    "/bench/memory": () => {
      globalThis.gc();
      return process.memoryUsage.rss();
    },
  };
  const answer = answers[pathname];
  if (answer === undefined) return yoga(request, response);
  response.setHeader("content-type", "application/json");
  return response.end(JSON.stringify(await answer()));
});

const sockets = new WebSocketServer({ server, path: "/graphql" });

useServer(
  {
    execute: (args) => args.rootValue.execute(args),
    subscribe: (args) => args.rootValue.subscribe(args),
    onSubscribe: async (context, _id, payload) => {
      const enveloped = yoga.getEnveloped({ ...context, req: context.extra.request });
      const args = {
        schema: enveloped.schema,
        operationName: payload.operationName,
        document: enveloped.parse(payload.query),
        variableValues: payload.variables,
        contextValue: await enveloped.contextFactory(),
        rootValue: { execute: enveloped.execute, subscribe: enveloped.subscribe },
      };
      const errors = enveloped.validate(args.schema, args.document);
      return errors.length > 0 ? errors : args;
    },
  },
  sockets,
);

server.listen({ port: Number(process.argv[2]), host: "127.0.0.1", backlog: 4096 });
