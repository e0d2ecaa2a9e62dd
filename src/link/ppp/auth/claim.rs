//! What a peer says of itself, and what is thought of it.

use std::fmt;

use crate::secret::same;

use super::digest::{
    authenticator_response, chap_md5, nt_password_hash, nt_response, without_domain,
};

/// A name and its proof.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// Who the peer says it is, as it was sent. At most [`super::MAX_NAME`] octets.
    pub name: Box<[u8]>,
    /// Its proof.
    pub proof: Proof,
}

/// A proof; a RADIUS server can judge each from these fields.
#[derive(Clone, PartialEq, Eq)]
pub enum Proof {
    /// The password itself.
    Pap {
        /// It.
        password: Box<[u8]>,
    },
    /// CHAP with MD5.
    ChapMd5 {
        /// The identifier of the challenge.
        identifier: u8,
        /// The challenge.
        challenge: [u8; 16],
        /// The response.
        response: [u8; 16],
    },
    /// MS-CHAPv2.
    MsChapV2 {
        /// The identifier of the challenge.
        identifier: u8,
        /// Our challenge.
        challenge: [u8; 16],
        /// The peer's challenge.
        peer_challenge: [u8; 16],
        /// The NT-Response.
        response: [u8; 24],
    },
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Neither passwords nor what they could be guessed from.
        f.write_str(match self {
            Self::Pap { .. } => "Pap",
            Self::ChapMd5 { .. } => "ChapMd5",
            Self::MsChapV2 { .. } => "MsChapV2",
        })
    }
}

/// What was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is who it says.
    Accepted,
    /// Nobody of this name is known.
    UnknownPeer,
    /// The proof is wrong.
    WrongSecret,
    /// It is who it says, and may not come in.
    Refused,
}

/// An owner's judgement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// What was found.
    pub outcome: Outcome,
    /// The text to send; `None`: a usual one. To accept an MS-CHAPv2 peer it has to begin with the
    /// authenticator's response, `S=` and 40 digits.
    pub message: Option<Box<[u8]>>,
}

impl Verdict {
    /// A verdict with the usual text.
    #[must_use]
    pub const fn plain(outcome: Outcome) -> Self {
        Self {
            outcome,
            message: None,
        }
    }
}

impl Claim {
    /// The name without the domain before it, as MS-CHAPv2 peers send one.
    #[must_use]
    pub fn user(&self) -> &[u8] {
        without_domain(&self.name)
    }

    /// Judges the proof by the secret of that name.
    #[must_use]
    pub fn verify(&self, secret: &[u8]) -> Verdict {
        let (right, message) = match &self.proof {
            Proof::Pap { password } => (same(password, secret), None),
            Proof::ChapMd5 {
                identifier,
                challenge,
                response,
            } => (
                same(&chap_md5(*identifier, secret, challenge), response),
                None,
            ),
            Proof::MsChapV2 {
                challenge,
                peer_challenge,
                response,
                ..
            } => {
                let hash = nt_password_hash(secret);
                let wanted = nt_response(challenge, peer_challenge, &self.name, &hash);
                let mut text =
                    authenticator_response(challenge, peer_challenge, &self.name, &hash, response)
                        .to_vec();
                text.extend_from_slice(b" M=Access granted");
                (same(&wanted, response), Some(text.into_boxed_slice()))
            }
        };
        if right {
            Verdict {
                outcome: Outcome::Accepted,
                message,
            }
        } else {
            Verdict::plain(Outcome::WrongSecret)
        }
    }
}
