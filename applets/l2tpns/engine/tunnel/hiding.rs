//! Hidden AVPs (RFC 2661 section 4.3) and challenges (section 5.1.1).
//!
//! A value with its length in front and padding behind is mixed, 16 octets at a time, with
//! digests: the first of attribute, secret and random vector, the next ones of the secret and the
//! 16 octets of *hidden* text before.

use md5::{Digest, Md5};
use wanbox_wire::l2tp::{Avp, Avps, MessageType, RawAvp, attribute};

use super::random::Random;

const BLOCK: usize = 16;

/// Why a hidden value cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WrongLength;

/// The digest that hides the first octets.
fn first(kind: u16, secret: &[u8], vector: &[u8]) -> [u8; BLOCK] {
    Md5::new()
        .chain_update(kind.to_be_bytes())
        .chain_update(secret)
        .chain_update(vector)
        .finalize()
        .into()
}

/// The digest that hides what follows these 16 hidden octets.
fn next(secret: &[u8], before: &[u8]) -> [u8; BLOCK] {
    Md5::new()
        .chain_update(secret)
        .chain_update(before)
        .finalize()
        .into()
}

fn mix(block: &mut [u8], digest: &[u8; BLOCK]) {
    for (octet, with) in block.iter_mut().zip(digest) {
        *octet ^= with;
    }
}

/// Hides the value of an attribute, with `padding` octets behind it that conceal its length.
/// What does not fit in an AVP is cut.
#[must_use]
pub fn hide(kind: u16, value: &[u8], padding: &[u8], secret: &[u8], vector: &[u8]) -> Vec<u8> {
    let room = RawAvp::MAX_VALUE - 2;
    let value = value.get(..room).unwrap_or(value);
    let mut text = Vec::with_capacity(2 + value.len() + padding.len());
    text.extend_from_slice(&(value.len() as u16).to_be_bytes());
    text.extend_from_slice(value);
    text.extend_from_slice(padding);
    text.truncate(RawAvp::MAX_VALUE);
    let mut digest = first(kind, secret, vector);
    for block in text.chunks_mut(BLOCK) {
        mix(block, &digest);
        digest = next(secret, block);
    }
    text
}

/// Appends what a hidden value holds to `plain`.
///
/// # Errors
/// It has no room for the length in it: hidden with another secret, or damaged.
pub fn reveal(
    kind: u16,
    hidden: &[u8],
    secret: &[u8],
    vector: &[u8],
    plain: &mut Vec<u8>,
) -> Result<(), WrongLength> {
    let start = plain.len();
    let mut digest = first(kind, secret, vector);
    for block in hidden.chunks(BLOCK) {
        let place = plain.len();
        plain.extend_from_slice(block);
        mix(plain.get_mut(place..).unwrap_or_default(), &digest);
        digest = next(secret, block);
    }
    let length = match plain.get(start..start + 2) {
        Some(&[high, low]) => usize::from(u16::from_be_bytes([high, low])),
        _ => usize::MAX,
    };
    if hidden.len() < 2 || length > hidden.len() - 2 {
        plain.truncate(start);
        return Err(WrongLength);
    }
    plain.drain(start..start + 2);
    plain.truncate(start + length);
    Ok(())
}

/// Hides what may be hidden of the AVPs behind a header, with a new random vector and paddings.
pub(super) fn hide_all(body: &[u8], secret: &[u8], random: &mut Random) -> Vec<u8> {
    let vector = random.block();
    let mut hidden = Vec::with_capacity(body.len() * 2);
    for raw in Avps::new(body).flatten() {
        if may_be_hidden(raw.kind) {
            let padding = random.block();
            let [length, ..] = padding;
            let padding = padding.get(..usize::from(length & 0xf)).unwrap_or_default();
            let value = hide(raw.kind, raw.value, padding, secret, &vector);
            RawAvp {
                hidden: true,
                value: &value,
                ..raw
            }
            .append(&mut hidden);
        } else {
            raw.append(&mut hidden);
        }
        if raw.kind == attribute::MESSAGE_TYPE {
            Avp::RandomVector(&vector).append(&mut hidden);
        }
    }
    hidden
}

/// Which attributes RFC 2661 section 4.4 lets be hidden.
const fn may_be_hidden(kind: u16) -> bool {
    !matches!(
        kind,
        attribute::MESSAGE_TYPE
            | attribute::RESULT_CODE
            | attribute::PROTOCOL_VERSION
            | attribute::TIE_BREAKER
            | attribute::HOST_NAME
            | attribute::RECEIVE_WINDOW
            | attribute::Q931_CAUSE
            | attribute::RANDOM_VECTOR
            | attribute::SEQUENCING_REQUIRED
    )
}

/// The answer to a challenge, in a message of this type.
#[must_use]
pub fn response(message: MessageType, secret: &[u8], challenge: &[u8]) -> [u8; 16] {
    Md5::new()
        .chain_update([message.0 as u8])
        .chain_update(secret)
        .chain_update(challenge)
        .finalize()
        .into()
}
