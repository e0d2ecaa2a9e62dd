//! Stored passwords: as they are, or as what crypt(3) makes of them.

mod base64;
mod des;
mod md5;
mod sha256;
#[cfg(test)]
mod tests;

use std::fmt;

use sha2::{Digest, Sha256};

use crate::secret::same;

/// The longest password that is tried, octets.
pub const MAX_PASSWORD: usize = 256;
/// The rounds of SHA-256 when a stored password does not say.
const DEFAULT_ROUNDS: u32 = 5000;
/// The most rounds that are accepted: a login must not hold up everything else.
const MAX_ROUNDS: u32 = 200_000;

/// A stored password.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(Form);

#[derive(Clone, PartialEq, Eq)]
enum Form {
    /// The SHA-256 of a password that is stored as it is.
    Plain([u8; 32]),
    /// `{crypt}`: two characters of salt, then 11.
    Des { salt: [u8; 2], hash: String },
    /// `$1$SALT$` and 22 characters.
    Md5 { salt: String, hash: String },
    /// `$5$[rounds=N$]SALT$` and 43 characters.
    Sha256 {
        salt: String,
        rounds: u32,
        hash: String,
    },
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Form::Plain(_) => "a plain password",
            Form::Des { .. } => "a DES-crypt password",
            Form::Md5 { .. } => "an MD5-crypt password",
            Form::Sha256 { .. } => "a SHA-256-crypt password",
        })
    }
}

impl Password {
    /// Reads a password as the users file has it.
    ///
    /// # Errors
    /// What is wrong with it. The password itself is not in the words.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let form = if let Some(text) = text.strip_prefix("$1$") {
            let (salt, hash) = salted(text, 8, 22).ok_or(
                "an MD5-crypt password is $1$, up to 8 characters of salt, $ and 22 characters",
            )?;
            Form::Md5 { salt, hash }
        } else if let Some(text) = text.strip_prefix("$5$") {
            let (rounds, text) = match text.strip_prefix("rounds=") {
                None => (DEFAULT_ROUNDS, text),
                Some(rest) => {
                    let (number, text) = rest.split_once('$').unwrap_or((rest, ""));
                    let rounds = number.parse().ok();
                    let rounds = rounds.filter(|rounds| (1000..=MAX_ROUNDS).contains(rounds));
                    (rounds.ok_or("rounds are from 1000 to 200000")?, text)
                }
            };
            let (salt, hash) = salted(text, 16, 43).ok_or(
                "a SHA-256-crypt password is $5$, up to 16 characters of salt, $ and 43 characters",
            )?;
            Form::Sha256 { salt, rounds, hash }
        } else if let Some(text) = text.strip_prefix("{crypt}") {
            let wrong = "a DES-crypt password is {crypt} and 13 characters of ./0-9A-Za-z";
            if text.len() != 13 || !text.bytes().all(base64::has) {
                return Err(wrong);
            }
            let (salt, hash) = text.split_at(2);
            let salt = salt.as_bytes().try_into().map_err(|_| wrong)?;
            Form::Des {
                salt,
                hash: hash.into(),
            }
        } else if text.starts_with('$') && text.chars().filter(|c| *c == '$').count() > 2 {
            return Err(
                "of the forms with $, only $1$ (MD5-crypt) and $5$ (SHA-256-crypt) are known",
            );
        } else if text.is_empty() {
            return Err("the password is empty");
        } else {
            Form::Plain(Sha256::digest(text).into())
        };
        Ok(Self(form))
    }

    /// Whether somebody entered this password. Takes as long for a wrong one as for the right one.
    #[must_use]
    pub fn is(&self, entered: impl AsRef<[u8]>) -> bool {
        let entered = entered.as_ref();
        if entered.len() > MAX_PASSWORD {
            return false;
        }
        match &self.0 {
            Form::Plain(digest) => same(digest, &Sha256::digest(entered)),
            Form::Des { salt, hash } => {
                same(hash.as_bytes(), des::crypt(entered, *salt).as_bytes())
            }
            Form::Md5 { salt, hash } => same(
                hash.as_bytes(),
                md5::crypt(entered, salt.as_bytes()).as_bytes(),
            ),
            Form::Sha256 { salt, rounds, hash } => {
                let made = sha256::crypt(entered, salt.as_bytes(), *rounds);
                same(hash.as_bytes(), made.as_bytes())
            }
        }
    }
}

/// `SALT$HASH`.
fn salted(text: &str, longest_salt: usize, hash_length: usize) -> Option<(String, String)> {
    let (salt, hash) = text.split_once('$')?;
    let legal = salt.len() <= longest_salt
        && hash.len() == hash_length
        && hash.bytes().all(base64::has)
        && salt.bytes().all(|octet| octet.is_ascii_graphic());
    legal.then(|| (salt.to_owned(), hash.to_owned()))
}
