// What codes are called for people. The server reads this file too, so that a page says the same
// before and after a script has touched it: between `export default` and the last `;` it is JSON.
export default {
  "status": {
    "pending": ["Waiting", ""],
    "assigned": ["Starting", "info"],
    "processing": ["Collecting", "info"],
    "completed": ["Completed", "good"],
    "partial": ["Completed in part", "warn"],
    "failed": ["Failed", "bad"],
    "cancelled": ["Cancelled", "warn"]
  },
  "waiting": {
    "queued": "In line",
    "user_cap": "As many of your tasks run as may",
    "platform_cap": "As many tasks of this platform run as may",
    "rate_limited": "The platform asks for a pause",
    "retry": "A try failed, another follows",
    "posts": "Waits for you to send its posts"
  },
  "event": {
    "created": "Created",
    "updated": "Changed",
    "assigned": "Taken by a worker",
    "started": "Began to read",
    "progress": "Stored posts",
    "waiting": "Put off",
    "released": "Given back by its worker",
    "completed": "Completed",
    "failed": "Ended without success",
    "reset": "Began again from scratch",
    "resumed": "Goes on from where it stood",
    "deleted": "Deleted"
  },
  "receipt": {
    "reached_max": "Everything that was asked for is here: {posts}.",
    "end_of_source": "The source was read to its end. It holds {posts}; up to {requested} were asked for.",
    "known_posts": "Only what is new was wanted: {posts}, up to where the known ones begin.",
    "page_cap": "It stopped after {pages}, the most that one run may read, with {posts}.",
    "no_progress": "The source only repeated itself, so it stopped with {posts}.",
    "finished_by_client": "The program that sends the posts said that these are all: {posts}.",
    "idle": "The program that sends the posts fell silent before it said that it was done. It had sent {posts}.",
    "cancelled": "It was cancelled. What it had by then is kept: {posts}.",
    "error": "An error ended it. What it had by then is kept: {posts}."
  },
  "complete": "Nothing that was asked for is missing.",
  "incomplete": "Posts may be missing.",
  "expired": "The posts themselves were removed since: this installation keeps them for a limited time.",
  "live": {
    "connecting": "Connecting",
    "live": "Live",
    "lost": "Connection lost. Reconnecting",
    "ended": "Up to date",
    "refused": "Not live. Load the page again"
  }
};
