// npm postmark, before the lab.
import { AccountClient, ServerClient } from "postmark";
import { answer } from "./ask.mjs";

await answer(({ as, token, host }) => {
  const Client = as === "account" ? AccountClient : ServerClient;
  return new Client(token, { requestHost: host, useHttps: false, timeout: 5 });
});
