// GraphQL Yoga on Node's own server, a DataLoader for what comes in batches; BENCH_JIT=1 adds its
// JIT plugin.
import { createServer } from "node:http";

import { useGraphQlJit } from "@envelop/graphql-jit";
import DataLoader from "dataloader";
import { createSchema, createYoga } from "graphql-yoga";

import { postsOf, resolvers, typeDefs } from "./schema.mjs";

const Task = {
  ...resolvers.Task,
  posts: (task, args, context) => context.posts.load({ task, args }),
};
const yoga = createYoga({
  schema: createSchema({ typeDefs, resolvers: { ...resolvers, Task } }),
  context: () => ({ posts: new DataLoader(postsOf) }),
  plugins: process.env.BENCH_JIT === "1" ? [useGraphQlJit()] : [],
  graphiql: false,
  logging: false,
});
createServer(yoga).listen(Number(process.env.PORT), "127.0.0.1");
