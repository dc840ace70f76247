//! Postmark's account tokens: made, shown and deleted on the account's page, and by no API.

use jiff::Timestamp;

use super::servers::{Server, TOKENS_MAX, Token, TokenError};
use super::{Holder, Postmark};
use crate::random;
use crate::world::Turn;

/// The first id of a server of another account.
const ELSEWHERE: u64 = 9_400_001;

impl Postmark {
    /// Another token of the account.
    pub(super) fn add_account_token(
        &mut self,
        value: String,
        created: Timestamp,
        live_from: Timestamp,
    ) {
        self.gate.admit(&value, Holder::Account, live_from);
        self.account_tokens.push(Token::new(value, created));
    }

    /// A token of another account, which has one server of this name.
    pub(crate) fn add_elsewhere(&mut self, server: &str, now: Timestamp) -> String {
        let token = random::uuid();
        self.gate.admit(&token, Holder::OtherAccount, now);
        let id = ELSEWHERE + self.elsewhere.len() as u64;
        self.elsewhere.insert(id, Server::new(id, server, "Live"));
        token
    }

    /// What a person's click on "Generate another token" does on the account's page.
    pub(crate) fn generate_account_token(&mut self, turn: &mut Turn<'_>) -> Result<(), TokenError> {
        if self.account_tokens.len() >= TOKENS_MAX {
            return Err(TokenError::Full);
        }
        let live_from = turn.live_from();
        self.add_account_token(random::uuid(), turn.now, live_from);
        turn.effect();
        Ok(())
    }

    /// What a person's click on "Delete" does there.
    pub(crate) fn delete_account_token(
        &mut self,
        row: &str,
        turn: &mut Turn<'_>,
    ) -> Result<(), TokenError> {
        let place = self.account_tokens.iter().position(|token| token.row == row);
        let token = self.account_tokens.remove(place.ok_or(TokenError::NoToken)?);
        self.gate.close(&token.value, turn.dead_from());
        turn.effect();
        Ok(())
    }
}
