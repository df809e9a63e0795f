"use strict";

// The token lives in sessionStorage: in this tab, until it is closed. So does everything else
// that GraphiQL remembers, since queries can hold what is private.
const KEY = "sluice.token";

const EXAMPLES = [
  `# Who am I, and which platforms can be read?
query Start {
  viewer {
    email
    scopes
  }
  platforms {
    name
    state
    targetHelp
    examples
  }
}
`,
  `# Ask for a group's posts. Nothing is fetched yet: a worker takes the task.
mutation CreateTask {
  createTask(input: { groupId: "sandbox:happy", maxPosts: 20 }) {
    task {
      id
      status
      waiting {
        reason
        ahead
        until
      }
    }
    userErrors {
      field
      message
      code
    }
  }
}
`,
  `# The newest tasks, and the posts that were liked most.
query Tasks {
  tasks(first: 5) {
    totalCount
    pageInfo {
      hasNextPage
      endCursor
    }
    nodes {
      id
      groupId
      status
      progress {
        collected
        requested
      }
      result {
        complete
        stopReason
      }
      posts(first: 3, orderBy: { field: LIKES, direction: DESC }) {
        nodes {
          author
          message
          likes
        }
      }
    }
  }
}
`,
  `# What failed, and why.
query Failed {
  tasks(
    first: 10
    filter: { status: [FAILED] }
    orderBy: { field: COMPLETED, direction: DESC }
  ) {
    nodes {
      groupId
      completedAt
      error {
        code
        message
      }
      events(last: 3) {
        nodes {
          seq
          type
          at
        }
      }
    }
  }
}
`,
];

const address = location.pathname;
const form = document.getElementById("credential");
const field = document.getElementById("token");
const said = document.getElementById("said");

async function fetcher(request) {
  const token = sessionStorage.getItem(KEY);
  const answer = await fetch(address, {
    method: "POST",
    credentials: "same-origin",
    headers: {
      Accept: "application/graphql-response+json, application/json;q=0.9",
      "Content-Type": "application/json",
      ...(token ? { Authorization: `Bearer ${token}` } : {}),
    },
    body: JSON.stringify(request),
  });
  if (answer.status === 401) {
    said.value = token ? "This token is not valid." : "Enter a token, or sign in.";
  }
  return answer.json();
}

const root = ReactDOM.createRoot(document.getElementById("graphiql"));

function show() {
  said.value = sessionStorage.getItem(KEY) ? "Kept in this tab only." : "Enter a token, or sign in.";
  // A new key makes GraphiQL ask for the schema again, with the new token.
  root.render(
    React.createElement(GraphiQL, {
      key: Date.now(),
      fetcher,
      storage: sessionStorage,
      shouldPersistHeaders: false,
      isHeadersEditorEnabled: false,
      defaultTabs: EXAMPLES.map((query) => ({ query })),
    }),
  );
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  const token = field.value.trim();
  if (token) {
    sessionStorage.setItem(KEY, token);
  } else {
    sessionStorage.removeItem(KEY);
  }
  field.value = "";
  show();
});

show();
