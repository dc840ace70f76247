// npm @octokit/rest, before the lab.
import { Octokit } from "@octokit/rest";
import { answer } from "./ask.mjs";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

await answer(({ token, base }) => {
  const octokit = new Octokit({ auth: token, baseUrl: base, log: silent });
  // Every page of a list, as its users are told to read one.
  octokit.all = (route, given) => octokit.paginate(route, given);
  return octokit;
});
