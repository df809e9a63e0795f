// The rows, as a hand-written server reads them: a pool of `pg` whose statements are named, so
// that each connection prepares them once.
import pg from "pg";

pg.types.setTypeParser(pg.types.builtins.INT8, Number);

const pool = new pg.Pool({ connectionString: process.env.BENCH_DATABASE_URL, max: 10 });
const user = Number(process.env.BENCH_USER_ID);

const TASK = `id, group_id, group_name, platform, target, max_posts, priority, status, posts_count,
  created_at, completed_at, updated_at, stop_reason, receipt`;
const POST = `task_id, position, post_id, message, author, url, created_time, likes, comments, shares`;

async function rows(name, text, values) {
  return (await pool.query({ name, text, values })).rows;
}

/** A page of the user's tasks, newest first, and one more. */
export function tasks({ first, after, status }) {
  const statuses = status ?? [];
  const values = [user, first + 1];
  let where = "user_id = $1";
  let name = "tasks";
  if (statuses.length > 0) {
    values.push(statuses.length === 1 ? statuses[0] : statuses);
    where += statuses.length === 1 ? ` AND status = $${values.length}` : ` AND status = ANY($${values.length})`;
    name += statuses.length === 1 ? " of a status" : " of statuses";
  }
  if (after !== undefined) {
    values.push(after);
    where += ` AND (created_at, id) < (SELECT created_at, id FROM task WHERE id = $${values.length})`;
    name += " after";
  }
  return rows(
    name,
    `SELECT ${TASK} FROM task WHERE ${where} ORDER BY created_at DESC, id DESC LIMIT $2`,
    values,
  );
}

export async function task(id) {
  const found = await rows("task", `SELECT ${TASK} FROM task WHERE id = $1 AND user_id = $2`, [id, user]);
  return found[0] ?? null;
}

/** Pages of several tasks' posts, in the order of the ids, each with one more. */
export async function posts(ids, { first, after }) {
  const found = await rows(
    "posts",
    `SELECT ${POST} FROM post WHERE task_id = ANY($1) AND position > $2 AND position <= $2 + $3 + 1
     ORDER BY task_id, position`,
    [ids, after ?? -1, first],
  );
  const byTask = new Map(ids.map((id) => [id, []]));
  for (const row of found) byTask.get(row.task_id).push(row);
  return ids.map((id) => byTask.get(id));
}

/** Create a pending task: one statement, and neither an event nor a wake-up. */
export async function create({ groupId, groupName, maxPosts, priority }) {
  const [platform, target] = groupId.split(":");
  const found = await rows(
    "create",
    `INSERT INTO task (user_id, group_id, group_name, platform, target, max_posts, priority, status,
       attempt, failures, cursor_state, posts_count, created_at, updated_at, revision)
     VALUES ($1, $2, $3, $4, $5, $6, $7, 'pending', 0, 0, 'start', 0, now(), now(), 1)
     RETURNING ${TASK}`,
    [user, groupId, groupName ?? null, platform, target, maxPosts, priority],
  );
  return found[0];
}
