//! Frame check sequences: HDLC's 16 bits (ISO/IEC 13239, RFC 1662 appendix C) and the LAN's 32 bits (IEEE 802.3).
//!
//! Both are computed bit-reversed, start from all ones, are complemented at the
//! end and travel low octet first.

/// Octets of the HDLC frame check sequence.
pub const FCS16_LEN: usize = 2;
/// Octets of the IEEE 802.3 frame check sequence.
pub const FCS32_LEN: usize = 4;

const POLYNOMIAL_16: u16 = 0x8408;
const POLYNOMIAL_32: u32 = 0xedb8_8320;

const TABLE_16: [u16; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let mut value = octet as u16;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ (POLYNOMIAL_16 & (value & 1).wrapping_neg());
            bit += 1;
        }
        table[octet] = value;
        octet += 1;
    }
    table
};

const TABLE_32: [u32; 256] = {
    let mut table = [0; 256];
    let mut octet = 0;
    while octet < 256 {
        let mut value = octet as u32;
        let mut bit = 0;
        while bit < 8 {
            value = (value >> 1) ^ (POLYNOMIAL_32 & (value & 1).wrapping_neg());
            bit += 1;
        }
        table[octet] = value;
        octet += 1;
    }
    table
};

/// The HDLC frame check sequence of these octets.
pub fn fcs16(octets: &[u8]) -> u16 {
    let mut value = u16::MAX;
    for octet in octets {
        let index = (value ^ u16::from(*octet)) & 0xff;
        value = (value >> 8) ^ TABLE_16[usize::from(index)];
    }
    !value
}

/// The HDLC frame check sequence in line order.
pub fn fcs16_octets(octets: &[u8]) -> [u8; FCS16_LEN] {
    fcs16(octets).to_le_bytes()
}

/// The frame without its last two octets, when those are its right HDLC frame check sequence.
pub fn strip_fcs16(frame: &[u8]) -> Option<&[u8]> {
    let (body, fcs) = frame.split_last_chunk::<FCS16_LEN>()?;
    (fcs16_octets(body) == *fcs).then_some(body)
}

/// The IEEE 802.3 frame check sequence of these octets.
pub fn fcs32(octets: &[u8]) -> u32 {
    let mut value = u32::MAX;
    for octet in octets {
        let index = (value ^ u32::from(*octet)) & 0xff;
        value = (value >> 8) ^ TABLE_32[index as usize];
    }
    !value
}

/// The frame without its last four octets, when those are its right IEEE 802.3 frame check sequence.
pub fn strip_fcs32(frame: &[u8]) -> Option<&[u8]> {
    let (body, fcs) = frame.split_last_chunk::<FCS32_LEN>()?;
    (fcs32(body).to_le_bytes() == *fcs).then_some(body)
}

/// Fuzz entry: whatever the octets, adding the sequence and taking it off is the identity, and one
/// flipped bit is noticed.
pub fn fuzz_fcs(octets: &[u8]) {
    let mut frame = octets.to_vec();
    frame.extend_from_slice(&fcs16_octets(octets));
    assert_eq!(strip_fcs16(&frame), Some(octets));
    let at = octets.first().map_or(0, |first| usize::from(*first)) % frame.len();
    frame[at] ^= 0x10;
    assert_eq!(strip_fcs16(&frame), None);
    frame.truncate(octets.len());
    if let Some(octet) = frame.get_mut(at) {
        *octet ^= 0x10;
    }
    frame.extend_from_slice(&fcs32(octets).to_le_bytes());
    assert_eq!(strip_fcs32(&frame), Some(octets));
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn check_values_of_the_published_catalogue() {
        assert_eq!(fcs16(b"123456789"), 0x906e);
        assert_eq!(fcs32(b"123456789"), 0xcbf4_3926);
        assert_eq!(fcs16(b""), 0);
        assert_eq!(fcs32(b""), 0);
    }

    #[test]
    fn short_frames_have_no_fcs() {
        assert_eq!(strip_fcs16(&[]), None);
        assert_eq!(strip_fcs16(&[0]), None);
        assert_eq!(strip_fcs16(&[0, 0]), Some(&[][..]));
        assert_eq!(strip_fcs32(&[0, 0, 0]), None);
    }

    #[test]
    fn lapb_sabm_of_the_reference() {
        assert_eq!(fcs16_octets(&[0x01, 0x3f]), [0xeb, 0xdf]);
        assert_eq!(fcs16_octets(&[0x01, 0x73]), [0x83, 0x57]);
    }

    proptest! {
        #[test]
        fn added_and_taken_off(octets in proptest::collection::vec(any::<u8>(), 0..300)) {
            fuzz_fcs(&octets);
        }
    }
}
