//! RADIUS: packets (RFC 2865 section 3), attributes (section 5), those of vendors (section 5.26)
//! and of tunnels (RFC 2868), and the causes of dynamic authorization (RFC 5176 section 3.6).
//!
//! ```text
//! packet: code | identifier | length, 2 | authenticator, 16 | attributes
//! attribute: type | length | value, 0 to 253 octets
//! vendor-specific value: vendor, 4 | (type | length | value) ...
//! ```
//!
//! No secret is known here: authenticators and hidden values are octets like others. What they
//! prove is the engine's to say.

mod attribute;
mod cause;
mod kind;
mod packet;
mod tag;
mod vendor;

pub use attribute::{Attribute, Attributes, Prefix6};
pub use cause::{ErrorCause, TerminateCause};
pub use kind::Kind;
pub use packet::{AUTHENTICATOR, Authenticator, Code, HEADER, MAX_PACKET, Packet, Writer};
pub use tag::{Tagged, tagged_text, tagged_u24};
pub use vendor::{Vendor, VendorAttribute, VendorAttributes};

/// Any octets: a packet that is accepted is written again attribute by attribute and is the same;
/// what its attributes are read as lies within them. For fuzzing and replayed tests.
pub fn fuzz_radius(octets: &[u8]) {
    let Ok(packet) = Packet::parse(octets) else {
        return;
    };
    let whole = packet.octets();
    assert!(octets.starts_with(whole));
    let mut again = Vec::new();
    let mut writer = Writer::new(&mut again, packet.code(), packet.identifier());
    let mut covered = HEADER;
    for attribute in packet.attributes() {
        covered += 2 + attribute.value.len();
        assert!(writer.attribute(attribute.kind, attribute.value));
        fuzz_value(attribute);
    }
    assert_eq!(covered, whole.len());
    writer.finish(packet.authenticator());
    assert_eq!(again, whole);
}

/// Values are read as they are written.
fn fuzz_value(attribute: Attribute<'_>) {
    let value = attribute.value;
    if let Ok(number) = attribute.u32() {
        assert_eq!(value, number.to_be_bytes());
    }
    if let Ok(address) = attribute.ipv4() {
        assert_eq!(value, address.octets());
    }
    if let Ok(address) = attribute.ipv6() {
        assert_eq!(value, address.octets());
    }
    if let Ok(prefix) = attribute.prefix6() {
        let again = prefix.emit();
        let again = Attribute {
            kind: attribute.kind,
            value: again.as_slice(),
        };
        assert_eq!(again.prefix6(), Ok(prefix));
    }
    if let Ok(text) = tagged_text(value) {
        assert!(value.ends_with(text.value));
    }
    if let Ok(number) = tagged_u24(value) {
        assert!(number.value >> 24 == 0);
    }
    if let Ok(inner) = VendorAttributes::parse(value) {
        let mut covered = 4;
        let mut whole = true;
        for attribute in inner {
            match attribute {
                Ok(attribute) => covered += 2 + attribute.value.len(),
                Err(_) => whole = false,
            }
        }
        assert!(covered <= value.len());
        assert!(!whole || covered == value.len());
    }
}

#[cfg(test)]
mod tests;
