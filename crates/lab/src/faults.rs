//! The fault menu: what can go wrong between a client and a vendor, as rules that match requests.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::Vendor;

/// What goes wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FaultKind {
    /// The request takes that much longer.
    Latency {
        /// Milliseconds of real time.
        ms: u64,
    },
    /// Refused as too frequent, in the vendor's words; no effect.
    Status429 {
        /// Seconds for the `Retry-After` header, where wanted.
        #[serde(default)]
        retry_after: Option<u64>,
    },
    /// A server error; no effect.
    Error5xxBefore {
        /// The status, 500 to 599.
        #[serde(default = "unavailable")]
        status: u16,
    },
    /// The effect is committed, then the answer is a server error.
    Error5xxAfter {
        /// The status, 500 to 599.
        #[serde(default = "unavailable")]
        status: u16,
    },
    /// The connection is closed without an effect.
    DropBefore,
    /// The effect is committed; the connection is closed without an answer.
    DropAfter,
    /// The effect is committed, half of the answer is sent, then the connection is reset.
    ResetInBody,
    /// No effect and no answer until the client gives up (at most 120 s).
    HangBefore,
    /// The effect is committed, and no answer until the client gives up (at most 120 s).
    HangAfter,
    /// A definite no in the vendor's own words; no effect.
    Refused {
        /// 403 or 422; other statuses are taken for 403.
        #[serde(default = "forbidden")]
        status: u16,
    },
    /// A firewall's page in the vendor's place; no effect.
    Html403,
    /// 200 with a body that means nothing; no effect.
    Garbage,
    /// Reads are answered from the world as it was that long ago. Tokens are honoured as of now.
    StaleRead {
        /// Milliseconds on the lab's clock.
        ms: u64,
    },
    /// A token that is revoked by a matching request keeps working for that long.
    LateRevocation {
        /// Milliseconds on the lab's clock.
        ms: u64,
    },
    /// A token that is minted by a matching request is refused for that long.
    LateActivation {
        /// Milliseconds on the lab's clock.
        ms: u64,
    },
    /// The request is carried out twice; the client sees the second answer.
    DuplicateDelivery,
    /// The connection is closed now; the request is carried out later.
    LateEffect {
        /// Milliseconds on the lab's clock.
        ms: u64,
    },
}

fn unavailable() -> u16 {
    503
}

fn forbidden() -> u16 {
    403
}

impl FaultKind {
    /// The name on the command line and in JSON.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Latency { .. } => "latency",
            Self::Status429 { .. } => "status429",
            Self::Error5xxBefore { .. } => "error5xx_before",
            Self::Error5xxAfter { .. } => "error5xx_after",
            Self::DropBefore => "drop_before",
            Self::DropAfter => "drop_after",
            Self::ResetInBody => "reset_in_body",
            Self::HangBefore => "hang_before",
            Self::HangAfter => "hang_after",
            Self::Refused { .. } => "refused",
            Self::Html403 => "html403",
            Self::Garbage => "garbage",
            Self::StaleRead { .. } => "stale_read",
            Self::LateRevocation { .. } => "late_revocation",
            Self::LateActivation { .. } => "late_activation",
            Self::DuplicateDelivery => "duplicate_delivery",
            Self::LateEffect { .. } => "late_effect",
        }
    }

    /// Every name on the menu.
    pub const NAMES: [&'static str; 17] = [
        "latency",
        "status429",
        "error5xx_before",
        "error5xx_after",
        "drop_before",
        "drop_after",
        "reset_in_body",
        "hang_before",
        "hang_after",
        "refused",
        "html403",
        "garbage",
        "stale_read",
        "late_revocation",
        "late_activation",
        "duplicate_delivery",
        "late_effect",
    ];

    /// The kind of that name; `amount` is milliseconds, a status or seconds to wait, as the kind has it.
    #[must_use]
    pub fn named(name: &str, amount: Option<u64>) -> Option<Self> {
        let ms = amount.unwrap_or(1_000);
        let status = amount.and_then(|n| u16::try_from(n).ok()).filter(|s| (500..600).contains(s));
        Some(match name {
            "latency" => Self::Latency { ms },
            "status429" => Self::Status429 { retry_after: amount },
            "error5xx_before" => Self::Error5xxBefore { status: status.unwrap_or(503) },
            "error5xx_after" => Self::Error5xxAfter { status: status.unwrap_or(503) },
            "drop_before" => Self::DropBefore,
            "drop_after" => Self::DropAfter,
            "reset_in_body" => Self::ResetInBody,
            "hang_before" => Self::HangBefore,
            "hang_after" => Self::HangAfter,
            "refused" => Self::Refused { status: if amount == Some(422) { 422 } else { 403 } },
            "html403" => Self::Html403,
            "garbage" => Self::Garbage,
            "stale_read" => Self::StaleRead { ms },
            "late_revocation" => Self::LateRevocation { ms },
            "late_activation" => Self::LateActivation { ms },
            "duplicate_delivery" => Self::DuplicateDelivery,
            "late_effect" => Self::LateEffect { ms },
            _ => return None,
        })
    }

    /// Whether the rule is used up by what a request does rather than by its arrival.
    fn counts_on_effect(&self) -> bool {
        matches!(self, Self::LateRevocation { .. } | Self::LateActivation { .. })
    }
}

/// When something goes wrong, and what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultRule {
    /// Only this vendor; every vendor when absent.
    #[serde(default)]
    pub vendor: Option<Vendor>,
    /// Only this HTTP method.
    #[serde(default)]
    pub method: Option<String>,
    /// Only paths that contain this; a leading `^` ties it to the beginning.
    #[serde(default)]
    pub path: Option<String>,
    /// What goes wrong.
    #[serde(flatten)]
    pub kind: FaultKind,
    /// How many times; for ever when absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// How many matching requests pass unharmed first.
    #[serde(default)]
    pub skip: u32,
    /// Whether the simulated apps' own requests are hit, too. By default they are spared, so that
    /// they do not use up a rule that was meant for the client under test.
    #[serde(default)]
    pub apps_too: bool,
}

impl FaultRule {
    /// `kind` for every request to `vendor`, for ever.
    #[must_use]
    pub fn new(vendor: Vendor, kind: FaultKind) -> Self {
        Self { vendor: Some(vendor), ..Self::everywhere(kind) }
    }

    /// `kind` for every request to every vendor, for ever.
    #[must_use]
    pub fn everywhere(kind: FaultKind) -> Self {
        Self { vendor: None, method: None, path: None, kind, times: None, skip: 0, apps_too: false }
    }

    /// Only for this method and for paths that contain `path` (or begin with it, after a `^`).
    #[must_use]
    pub fn on(mut self, method: &str, path: &str) -> Self {
        self.method = Some(method.to_owned());
        self.path = Some(path.to_owned());
        self
    }

    /// Only this many times.
    #[must_use]
    pub fn times(mut self, times: u32) -> Self {
        self.times = Some(times);
        self
    }

    /// Only after this many matching requests.
    #[must_use]
    pub fn skip(mut self, skip: u32) -> Self {
        self.skip = skip;
        self
    }

    /// Also for the simulated apps.
    #[must_use]
    pub fn apps_too(mut self) -> Self {
        self.apps_too = true;
        self
    }

    fn matches(&self, vendor: Vendor, method: &str, path: &str, from_app: bool) -> bool {
        let path_fits = self.path.as_deref().is_none_or(|wanted| match wanted.strip_prefix('^') {
            Some(start) => path.starts_with(start),
            None => path.contains(wanted),
        });
        self.vendor.is_none_or(|wanted| wanted == vendor)
            && self.method.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(method))
            && path_fits
            && (self.apps_too || !from_app)
    }
}

/// A rule in force, with what it has done so far.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaultStatus {
    /// The rule's number, for clearing it.
    pub id: u64,
    /// The rule.
    pub rule: FaultRule,
    /// Matching requests so far, harmed or not.
    pub seen: u32,
    /// Requests that it harmed.
    pub hits: u32,
}

impl FaultStatus {
    fn spent(&self) -> bool {
        self.rule.times.is_some_and(|times| self.hits >= times)
    }
}

/// The rules in force.
#[derive(Default)]
pub struct Faults {
    menu: Mutex<Menu>,
}

#[derive(Default)]
struct Menu {
    next: u64,
    rules: Vec<FaultStatus>,
}

impl Faults {
    /// Puts a rule in force and answers its number.
    pub fn add(&self, rule: FaultRule) -> u64 {
        let mut menu = self.menu();
        menu.next += 1;
        let id = menu.next;
        menu.rules.push(FaultStatus { id, rule, seen: 0, hits: 0 });
        id
    }

    /// Takes a rule out of force.
    pub fn remove(&self, id: u64) -> bool {
        let mut menu = self.menu();
        let before = menu.rules.len();
        menu.rules.retain(|status| status.id != id);
        menu.rules.len() < before
    }

    /// Takes every rule out of force.
    pub fn clear(&self) {
        self.menu().rules.clear();
    }

    /// All rules, used up or not.
    #[must_use]
    pub fn list(&self) -> Vec<FaultStatus> {
        self.menu().rules.clone()
    }

    /// What happens to this request. Rules that count arrivals are counted here.
    pub(crate) fn take(&self, vendor: Vendor, method: &str, path: &str, from_app: bool) -> Hits {
        let mut hits = Hits::default();
        for status in &mut self.menu().rules {
            if status.spent() || !status.rule.matches(vendor, method, path, from_app) {
                continue;
            }
            if !status.rule.kind.counts_on_effect() {
                status.seen += 1;
                if status.seen <= status.rule.skip {
                    continue;
                }
                status.hits += 1;
            }
            hits.kinds.push((status.id, status.rule.kind.clone()));
        }
        hits
    }

    /// Counts a rule that is used up by an effect; answers whether it applies to this one.
    pub(crate) fn count_effect(&self, id: u64) -> bool {
        let mut menu = self.menu();
        let Some(status) = menu.rules.iter_mut().find(|status| status.id == id) else {
            return false;
        };
        status.seen += 1;
        if status.spent() || status.seen <= status.rule.skip {
            return false;
        }
        status.hits += 1;
        true
    }

    /// Whether reads may be stale, so that the past has to be kept.
    pub(crate) fn keep_the_past(&self) -> bool {
        self.menu().rules.iter().any(|status| {
            !status.spent() && matches!(status.rule.kind, FaultKind::StaleRead { .. })
        })
    }

    fn menu(&self) -> MutexGuard<'_, Menu> {
        self.menu.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The faults that hit one request, in the order in which their rules were added.
#[derive(Default)]
pub(crate) struct Hits {
    pub(crate) kinds: Vec<(u64, FaultKind)>,
}

impl Hits {
    /// The first fault for which `pick` has an answer.
    pub(crate) fn find<T>(&self, pick: impl Fn(&FaultKind) -> Option<T>) -> Option<T> {
        self.kinds.iter().find_map(|(_, kind)| pick(kind))
    }

    pub(crate) fn has(&self, kind: &FaultKind) -> bool {
        self.kinds.iter().any(|(_, have)| have == kind)
    }

    /// How much longer the request takes.
    pub(crate) fn latency(&self) -> Duration {
        let ms = self.kinds.iter().map(|(_, kind)| match kind {
            FaultKind::Latency { ms } => *ms,
            _ => 0,
        });
        Duration::from_millis(ms.sum())
    }

    /// The names, for the log.
    pub(crate) fn names(&self) -> Vec<&'static str> {
        self.kinds.iter().map(|(_, kind)| kind.name()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_skips_then_hits_then_is_spent() {
        let faults = Faults::default();
        faults.add(
            FaultRule::new(Vendor::Heroku, FaultKind::DropAfter)
                .on("POST", "^/oauth/authorizations")
                .skip(1)
                .times(1),
        );
        let hit = |method, path| !faults.take(Vendor::Heroku, method, path, false).kinds.is_empty();
        assert!(!hit("GET", "/oauth/authorizations"), "another method");
        assert!(!hit("POST", "/x/oauth/authorizations"), "not at the beginning");
        assert!(!hit("POST", "/oauth/authorizations"), "skipped");
        assert!(hit("post", "/oauth/authorizations/1"));
        assert!(!hit("POST", "/oauth/authorizations"), "spent");
    }

    #[test]
    fn every_name_on_the_menu_reads_back() {
        for name in FaultKind::NAMES {
            let kind = FaultKind::named(name, None).expect(name);
            assert_eq!(kind.name(), name);
            let json = serde_json::to_value(&kind).expect("serialises");
            assert_eq!(json["kind"], name);
        }
    }

    #[test]
    fn apps_are_spared_unless_told() {
        let faults = Faults::default();
        faults.add(FaultRule::everywhere(FaultKind::Garbage).times(1));
        assert!(faults.take(Vendor::Postmark, "POST", "/email", true).kinds.is_empty());
        faults.add(FaultRule::everywhere(FaultKind::Garbage).times(1).apps_too());
        assert_eq!(faults.take(Vendor::Postmark, "POST", "/email", true).kinds.len(), 1);
    }
}
