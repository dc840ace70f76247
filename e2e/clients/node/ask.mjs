// A client behind a line: each line of standard input is one call, each line of standard output
// what came of it. Tokens come in on that line, and never as an argument.
import { createInterface } from "node:readline";

/** Answers calls: `client` makes a client of what the line says, `call` is a path in it. */
export async function answer(client) {
  for await (const line of createInterface({ input: process.stdin })) {
    const asked = JSON.parse(line);
    let told;
    try {
      told = { gave: (await called(client(asked), asked)) ?? null };
    } catch (error) {
      told = { refused: seen(error) };
    }
    console.log(JSON.stringify(told));
  }
}

function called(client, { call, args = [] }) {
  const names = call.split(".");
  const last = names.pop();
  const owner = names.reduce((at, name) => (typeof at[name] === "function" ? at[name]() : at[name]), client);
  return owner[last](...args);
}

/** What a program can tell an error by. */
function seen(error) {
  return {
    class: error.constructor.name,
    name: error.name,
    code: error.code,
    status: error.statusCode ?? error.status,
    message: error.message,
    recipients: error.recipients,
    headers: error.response?.headers,
  };
}
