// npm @infisical/sdk, before the lab.
import { InfisicalSDK } from "@infisical/sdk";
import { answer } from "./ask.mjs";

// After a 429 it waits up to ten seconds before it tries again; that it tries again is what counts
// here. Its limit for a call is ten seconds and stays.
const timer = globalThis.setTimeout;
globalThis.setTimeout = (what, ms, ...more) => timer(what, ms < 10_000 ? ms / 100 : ms, ...more);

await answer(({ token, base }) => {
  const client = new InfisicalSDK({ siteUrl: base });
  if (token) client.auth().accessToken(token);
  // The token, for the calls after: a client is made anew for each.
  client.login = async (given) => {
    await client.auth().universalAuth.login(given);
    return client.auth().getAccessToken();
  };
  return client;
});
