"""PyPI postmarker, before the lab."""

from ask import answer
from postmarker.core import PostmarkClient


def client(base, token, account=None):
    return PostmarkClient(
        server_token=token, account_token=account, root_api_url=base, timeout=5
    )


answer(
    {
        "server": lambda base, token: client(base, token).server.get().as_dict(),
        "send": lambda base, token, mail: client(base, token).emails.send(**mail),
        "batch": lambda base, token, mails: client(base, token).emails.send_batch(*mails),
        "domains": lambda base, token, account: client(base, token, account).domains.all(),
        "sent": lambda base, token: client(base, token).stats.sends(),
        "call": lambda base, token, method, path: client(base, token).call(method, path),
    }
)
