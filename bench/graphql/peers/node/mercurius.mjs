// Mercurius on Fastify, with its JIT on and its loaders for what comes in batches.
import Fastify from "fastify";
import mercurius from "mercurius";

import { postsOf, resolvers, typeDefs } from "./schema.mjs";

const app = Fastify();
await app.register(mercurius, {
  schema: typeDefs,
  resolvers,
  jit: 1,
  loaders: {
    Task: { posts: (wanted) => postsOf(wanted.map(({ obj, params }) => ({ task: obj, args: params }))) },
  },
});
await app.listen({ host: "127.0.0.1", port: Number(process.env.PORT) });
