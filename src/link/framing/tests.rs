use proptest::prelude::*;

use super::*;

fn decoded(decoder: &mut Decoder, octets: &[u8]) -> Vec<Vec<u8>> {
    let mut frames = Vec::new();
    decoder.decode(octets, |frame| frames.push(frame.to_vec()));
    frames
}

/// An LCP Configure-Request of pppd 2.4.9 as it is on a serial line: ACCM 0, magic, PFC, ACFC.
const PPPD: &[u8] = &[
    0x7e, 0xff, 0x7d, 0x23, 0xc0, 0x21, 0x7d, 0x21, 0x7d, 0x21, 0x7d, 0x20, 0x7d, 0x34, 0x7d, 0x22,
    0x7d, 0x26, 0x7d, 0x20, 0x7d, 0x20, 0x7d, 0x20, 0x7d, 0x20, 0x7d, 0x25, 0x7d, 0x26, 0x61, 0x62,
    0x63, 0x64, 0x7d, 0x27, 0x7d, 0x22, 0x7d, 0x28, 0x7d, 0x22,
];

#[test]
fn an_lcp_frame_is_escaped_whatever_was_negotiated() {
    let frame = [
        0xff, 0x03, 0xc0, 0x21, 0x01, 0x01, 0x00, 0x14, 0x02, 0x06, 0, 0, 0, 0, 0x05, 0x06, 0x61,
        0x62, 0x63, 0x64, 0x07, 0x02, 0x08, 0x02,
    ];
    let mut octets = Vec::new();
    Encoder::new(0).encode(&frame, true, &mut octets);
    assert!(octets.starts_with(PPPD), "{octets:02x?}");
    assert_eq!(octets.last(), Some(&FLAG));
    let mut decoder = Decoder::new(1500, u32::MAX);
    assert_eq!(decoded(&mut decoder, &octets), [frame]);
}

#[test]
fn the_example_of_the_standard() {
    // RFC 1662 section 4.2: 7E is 7D 5E, 7D is 7D 5D, 03 is 7D 23.
    let mut octets = Vec::new();
    stuff(&Map::new(1 << 3), &[0x7e, 0x7d, 0x03, 0x04], &mut octets);
    assert_eq!(octets, [0x7d, 0x5e, 0x7d, 0x5d, 0x7d, 0x23, 0x04]);
}

#[test]
fn what_is_wrong_is_counted() {
    let mut decoder = Decoder::new(8, 1 << 17 | 1 << 19);
    let mut good = Vec::new();
    Encoder::new(1 << 17).encode(b"frame", true, &mut good);
    // Noise before the first flag.
    assert_eq!(decoded(&mut decoder, b"noise"), Vec::<Vec<u8>>::new());
    assert_eq!(decoded(&mut decoder, &good), [b"frame"]);
    // Flags between frames are none.
    assert_eq!(decoded(&mut decoder, &[FLAG, FLAG]), Vec::<Vec<u8>>::new());
    assert_eq!(*decoder.stats(), Stats::default());
    let mut bad = good.clone();
    bad[2] ^= 1;
    assert!(decoded(&mut decoder, &bad).is_empty());
    assert_eq!(decoder.stats().crc, 1);
    assert!(decoded(&mut decoder, &[b'a', b'b', ESCAPE, FLAG]).is_empty());
    assert_eq!(decoder.stats().aborts, 1);
    assert!(decoded(&mut decoder, &[1, 2, 3, FLAG]).is_empty());
    assert_eq!(decoder.stats().too_short, 1);
    assert!(decoded(&mut decoder, b"0123456789a").is_empty());
    assert_eq!(decoder.stats().too_long, 1);
    // The rest of the long one is not taken for a frame of its own.
    assert!(decoded(&mut decoder, b"bcdefgh").is_empty());
    assert_eq!(decoded(&mut decoder, &good), [b"frame"]);
    // XON and XOFF of the line are dropped where they may not be the sender's.
    let mut with_flow = good.clone();
    with_flow.insert(3, 17);
    with_flow.insert(1, 19);
    assert_eq!(decoded(&mut decoder, &with_flow), [b"frame"]);
    assert_eq!(decoder.stats().stray, 2);
    assert_eq!(decoder.stats().crc, 1);
}

proptest! {
    #[test]
    fn frames_pass_in_any_pieces(
        frames in proptest::collection::vec(
            proptest::collection::vec(any::<u8>(), 2..200), 1..20),
        accm: u32,
        piece in 1..50usize,
    ) {
        let encoder = Encoder::new(accm);
        let mut octets = Vec::new();
        let mut most = 0;
        for (n, frame) in frames.iter().enumerate() {
            encoder.encode(frame, n == 0, &mut octets);
            most += Encoder::longest(frame.len());
        }
        prop_assert!(octets.len() <= most);
        let mut decoder = Decoder::new(200, accm);
        let mut got = Vec::new();
        for piece in octets.chunks(piece) {
            decoder.decode(piece, |frame| got.push(frame.to_vec()));
        }
        prop_assert_eq!(got, frames);
        prop_assert_eq!(*decoder.stats(), Stats::default());
    }

    /// No octet of a mapped kind is on the line.
    #[test]
    fn mapped_octets_are_not_sent(
        frame in proptest::collection::vec(any::<u8>(), 2..200),
        accm: u32,
    ) {
        let mut octets = Vec::new();
        Encoder::new(accm).encode(&frame, true, &mut octets);
        for octet in octets {
            prop_assert!(octet >= 0x20 || accm >> octet & 1 == 0);
        }
    }

    #[test]
    fn any_octets(octets in proptest::collection::vec(any::<u8>(), 0..400)) {
        fuzz_framing(&octets);
    }
}
