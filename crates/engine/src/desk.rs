//! The desk at which people find what they fetch for their own machines: the connectors' view of
//! what the journal's database keeps.

use connectors::Desk;
use domain::{ConsumerId, Fingerprint, FingerprintKey, SecretName, Token, Workstation};
use jiff::Timestamp;
use journal::{JournalError, Reader, Workstations};

/// The desk of one installation.
pub(crate) struct OwnDesk {
    kept: Workstations,
    key: FingerprintKey,
}

impl OwnDesk {
    pub(crate) fn of(reader: &Reader) -> Self {
        Self { kept: reader.workstations(), key: reader.fingerprint_key() }
    }

    fn change(
        &self,
        secret: &SecretName,
        place: &ConsumerId,
        how: impl FnOnce(&mut Workstation),
    ) -> Result<Workstation, String> {
        let changed = self.kept.change(secret, place, |known| {
            how(known);
            Ok::<_, std::convert::Infallible>(None)
        });
        changed.map(|Ok(known)| known).map_err(told)
    }
}

impl Desk for OwnDesk {
    fn at(&self, secret: &SecretName, place: &ConsumerId) -> Result<Workstation, String> {
        self.kept.at(secret, place).map_err(told)
    }

    fn offer(
        &self,
        secret: &SecretName,
        place: &ConsumerId,
        of: &Token,
    ) -> Result<Workstation, String> {
        let fingerprint = self.fingerprint(of);
        self.change(secret, place, |known| known.offer(fingerprint, Timestamp::now()))
    }

    fn withdraw(&self, secret: &SecretName, place: &ConsumerId, of: &Token) -> Result<(), String> {
        let fingerprint = self.fingerprint(of);
        self.change(secret, place, |known| known.withdraw(fingerprint)).map(drop)
    }

    fn forget(&self, secret: &SecretName, place: &ConsumerId) -> Result<(), String> {
        self.change(secret, place, Workstation::forget).map(drop)
    }

    fn fingerprint(&self, token: &Token) -> Fingerprint {
        self.key.of(token)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape of map_err")]
fn told(error: JournalError) -> String {
    error.to_string()
}
