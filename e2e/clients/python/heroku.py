"""PyPI heroku3, before the lab."""

import heroku3
import heroku3.api
from ask import answer


def client(base, token):
    heroku3.api.HEROKU_URL = base
    return heroku3.from_key(token)


answer(
    {
        "account": lambda base, token: {"email": client(base, token).account().email},
        "apps": lambda base, token: [app.name for app in client(base, token).apps()],
        "config": lambda base, token, app: client(base, token).app(app).config().to_dict(),
        "set": lambda base, token, app, vars: client(base, token).update_appconfig(app, vars).to_dict(),
        "releases": lambda base, token, app: [
            {"version": release.version, "description": release.description}
            for release in client(base, token).app(app).releases(order_by="version", limit=1, sort="desc")
        ],
        "dynos": lambda base, token, app: [dyno.name for dyno in client(base, token).app(app).dynos()],
        "restart": lambda base, token, app: bool(client(base, token).app(app).restart()),
        "authorizations": lambda base, token: [
            {"id": one.id} for one in client(base, token).oauthauthorizations()
        ],
        "revoke": lambda base, token, id: bool(client(base, token).oauthauthorization_delete(id)),
        "rate": lambda base, token: {"remaining": client(base, token).rate_limit.remaining},
    }
)
