// What the Relay compiler compiles: a connection that is paginated in both directions, a fragment
// that is refetched through `node`, and a mutation that inserts into a connection.

import { graphql } from "relay-runtime";

export const documents = () => [
  graphql`
    query documentsTasksQuery($group: String!, $first: Int!) {
      ...documents_tasks @arguments(group: $group, first: $first)
    }
  `,
  graphql`
    fragment documents_tasks on Query
    @argumentDefinitions(
      group: { type: "String!" }
      first: { type: "Int" }
      after: { type: "String" }
      last: { type: "Int" }
      before: { type: "String" }
    )
    @refetchable(queryName: "documentsTasksPaginationQuery") {
      tasks(
        filter: { groupId: [$group] }
        first: $first
        after: $after
        last: $last
        before: $before
      ) @connection(key: "documents_tasks", filters: ["filter"]) {
        edges {
          node {
            id
            status
          }
        }
      }
    }
  `,
  graphql`
    fragment documents_posts on Task
    @argumentDefinitions(count: { type: "Int", defaultValue: 2 })
    @refetchable(queryName: "documentsPostsRefetchQuery") {
      revision
      posts(first: $count) {
        totalCount
      }
      postsCount
      progress {
        ratio
      }
    }
  `,
  graphql`
    query documentsTaskQuery($id: ID!) {
      task(id: $id) {
        groupId
        ...documents_posts
      }
    }
  `,
  graphql`
    mutation documentsCreateMutation($input: CreateTaskInput!, $connections: [ID!]!) {
      createTask(input: $input) {
        task @prependNode(connections: $connections, edgeTypeName: "TaskEdge") {
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
  graphql`
    mutation documentsDeleteMutation($input: DeleteTaskInput!, $connections: [ID!]!) {
      deleteTask(input: $input) {
        deletedTaskId @deleteEdge(connections: $connections)
        userErrors {
          field
        }
      }
    }
  `,
];
