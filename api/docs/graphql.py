"""The same in GraphQL: for each REST operation, the document that does it."""

from collections.abc import Mapping
from typing import Final

#: By the operation's id. The task is number 1, whose global id is `VGFzazox`.
DOCUMENTS: Final[Mapping[str, str]] = {
    "listTasks": """\
query {
  tasks(first: 50) {
    totalCount
    nodes { id databaseId groupId status postsCount }
    pageInfo { hasNextPage endCursor }
  }
}""",
    "createTask": """\
mutation {
  createTask(
    input: { groupId: "sandbox:happy", maxPosts: 100 }
  ) {
    task { id databaseId status }
    userErrors { field message code }
  }
}""",
    "showTask": """\
query {
  task(databaseId: 1) {
    groupId
    status
    progress { collected requested }
    waiting { reason until }
    createdAt
    completedAt
  }
}""",
    "updateTask": """\
mutation {
  updateTask(
    input: { id: "VGFzazox", maxPosts: 200, priority: 5 }
  ) {
    task { maxPosts priority }
    userErrors { field message code }
  }
}""",
    "deleteTask": """\
mutation {
  deleteTask(input: { id: "VGFzazox" }) {
    deletedTaskId
    userErrors { field message code }
  }
}""",
    "resetTask": """\
mutation {
  resetTask(input: { id: "VGFzazox" }) {
    task { status }
    userErrors { field message code }
  }
}""",
    "watchTask": """\
subscription {
  taskUpdated(id: "VGFzazox") {
    seq
    type
    at
    task { status progress { collected requested } }
  }
}""",
    "addPosts": """\
mutation {
  addPosts(
    input: {
      id: "VGFzazox"
      posts: [{ id: "1", message: "Hello" }]
      finish: true
    }
  ) {
    added
    duplicates
    userErrors { field message code }
  }
}""",
    "exportPosts": """\
query {
  task(databaseId: 1) {
    status
    result { complete stopReason }
    posts(first: 100) {
      totalCount
      nodes { sourceId message author url createdTime likes comments shares }
      pageInfo { hasNextPage endCursor }
    }
  }
}""",
    "showResult": """\
query {
  task(databaseId: 1) {
    result { complete stopReason endedAt }
    posts(first: 100, orderBy: { field: LIKES, direction: DESC }) {
      nodes { message author url likes createdTime }
      pageInfo { hasNextPage endCursor }
    }
  }
}""",
}
