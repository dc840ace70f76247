//! The pages of docs/doctor, built in: what the documents say is what the program says.

use domain::diagnosis::Cause;

macro_rules! pages {
    ($($cause:ident => $id:literal),+ $(,)?) => {
        /// The page of a cause.
        pub(super) fn page(cause: Cause) -> &'static str {
            match cause {
                $(Cause::$cause => {
                    include_str!(concat!("../../../../../docs/doctor/", $id, ".md"))
                })+
            }
        }

        #[cfg(test)]
        const IDS: &[(Cause, &str)] = &[$((Cause::$cause, $id)),+];
    };
}

pages! {
    Missing => "missing",
    Placeholder => "placeholder",
    TestToken => "test-token",
    OtherKind => "other-kind",
    Mistyped => "mistyped",
    AccountToken => "account-token",
    ServerToken => "server-token",
    BothHeaders => "both-headers",
    WrongHeader => "wrong-header",
    WrongEnvironment => "wrong-environment",
    Shadowed => "shadowed",
    NotDeployed => "not-deployed",
    NotRestarted => "not-restarted",
    RunsOlder => "runs-older",
    NotYetActive => "not-yet-active",
    Expired => "expired",
    Replaced => "replaced",
    Revoked => "revoked",
    MissingScope => "missing-scope",
    Sandbox => "sandbox",
    Account => "account",
    Sender => "sender",
    Message => "message",
    RateLimit => "rate-limit",
    Outage => "outage",
    Firewall => "firewall",
    Proxy => "proxy",
    Tls => "tls",
    Unreachable => "unreachable",
    WrongAddress => "wrong-address",
    Clock => "clock",
    Unseen => "unseen",
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_cause_has_its_own_page_and_the_page_says_what_to_do() {
        assert_eq!(IDS.len(), Cause::ALL.len());
        for (cause, id) in IDS {
            assert_eq!(cause.id(), *id);
            let page = page(*cause);
            for part in ["# ", "## What it means", "## How rollover sees it", "## What to do"] {
                assert!(page.contains(part), "{id} has no `{part}`");
            }
        }
    }
}
