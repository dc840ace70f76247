//! Every cause that is told apart. The order is that of the report: the more particular first.

use std::fmt;

use serde::Serialize;

macro_rules! causes {
    ($($(#[$doc:meta])* $cause:ident = $id:literal, $title:literal;)+) => {
        /// Why a token is refused, or seems to be.
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize)]
        #[serde(rename_all = "kebab-case")]
        pub enum Cause {
            $($(#[$doc])* $cause,)+
        }

        impl Cause {
            /// Every cause, in the order of a report.
            pub const ALL: &[Self] = &[$(Self::$cause),+];

            /// The name on the command line, in JSON and of its page.
            #[must_use]
            pub fn id(self) -> &'static str {
                match self { $(Self::$cause => $id),+ }
            }

            /// What people call it, a few words.
            #[must_use]
            pub fn title(self) -> &'static str {
                match self { $(Self::$cause => $title),+ }
            }
        }
    };
}

causes! {
    /// There is no value in the place.
    Missing = "missing", "nothing there";
    /// The place holds an example's text, or a reference that nobody resolved.
    Placeholder = "placeholder", "placeholder";
    /// The literal that Postmark takes for trying out.
    TestToken = "test-token", "test token";
    /// A value of another vendor or of another kind.
    OtherKind = "other-kind", "other vendor's";
    /// The value was damaged on its way.
    Mistyped = "mistyped", "mistyped";
    /// An account token where a server token belongs.
    AccountToken = "account-token", "account token";
    /// A server token where an account token belongs.
    ServerToken = "server-token", "server token";
    /// The program sends both of Postmark's headers.
    BothHeaders = "both-headers", "both headers";
    /// The program sends no header that the vendor reads.
    WrongHeader = "wrong-header", "wrong header";
    /// It is the token of another environment.
    WrongEnvironment = "wrong-environment", "wrong environment";
    /// The token may not do what it is asked to.
    MissingScope = "missing-scope", "missing scope";
    /// Something else shadows the value.
    Shadowed = "shadowed", "shadowed";
    /// The place holds another value than the store.
    NotDeployed = "not-deployed", "not deployed";
    /// What runs was started with a value from before.
    NotRestarted = "not-restarted", "not restarted";
    /// Workflow runs still carry the value before.
    RunsOlder = "runs-older", "older runs";
    /// It was made a moment ago and does not work yet.
    NotYetActive = "not-yet-active", "not active yet";
    /// It has ended by itself.
    Expired = "expired", "expired";
    /// A rotation replaced it.
    Replaced = "replaced", "replaced";
    /// The issuer does not know it any more, or never did.
    Revoked = "revoked", "revoked";
    /// The server delivers nothing, by its kind.
    Sandbox = "sandbox", "sandbox server";
    /// The account may not do it, with any token.
    Account = "account", "the account";
    /// The sending address is not confirmed.
    Sender = "sender", "the sender";
    /// The message is not taken.
    Message = "message", "the message";
    /// Too many calls.
    RateLimit = "rate-limit", "rate limit";
    /// The vendor is down.
    Outage = "outage", "vendor outage";
    /// A firewall answered in the vendor's place.
    Firewall = "firewall", "firewall";
    /// The proxy does not let it through.
    Proxy = "proxy", "proxy";
    /// The encrypted connection does not come about.
    Tls = "tls", "TLS";
    /// Nobody answers.
    Unreachable = "unreachable", "unreachable";
    /// Somebody else than the vendor answers at this address.
    WrongAddress = "wrong-address", "wrong address";
    /// The clock of this machine is wrong.
    Clock = "clock", "clock";
    /// The place could not be looked at.
    Unseen = "unseen", "not looked at";
}

impl Cause {
    /// The cause of that name.
    #[must_use]
    pub fn named(id: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|cause| cause.id() == id)
    }

    /// Whether it says something about the token itself, rather than about what is around it.
    #[must_use]
    pub fn is_of_the_token(self) -> bool {
        self < Self::Sandbox && !matches!(self, Self::BothHeaders | Self::WrongHeader)
    }

    /// Whether it passes by itself, or may.
    #[must_use]
    pub fn passes(self) -> bool {
        matches!(
            self,
            Self::RateLimit
                | Self::Outage
                | Self::Firewall
                | Self::Proxy
                | Self::Tls
                | Self::Unreachable
                | Self::WrongAddress
                | Self::Unseen
        )
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.id())
    }
}
