"""PyPI infisicalsdk, before the lab."""

from ask import answer
from infisical_sdk import InfisicalSDKClient


def client(base, token=None):
    return InfisicalSDKClient(host=base, token=token, cache_ttl=None)


def login(base, id, secret):
    made = client(base)
    made.auth.universal_auth.login(client_id=id, client_secret=secret)
    return made.get_token()


def of(verb):
    return lambda base, token, given: getattr(client(base, token).secrets, verb)(**given)


answer(
    {
        "login": login,
        "get": of("get_secret_by_name"),
        "list": of("list_secrets"),
        "create": of("create_secret_by_name"),
        "update": of("update_secret_by_name"),
        "delete": of("delete_secret_by_name"),
    }
)
