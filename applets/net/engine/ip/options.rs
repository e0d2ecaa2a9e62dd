//! The options of a header (RFC 791 section 3.1): loose and strict source routes, record route. Time stamps,
//! security and what is unknown pass.

use std::net::Ipv4Addr;

/// End of the list.
const END: u8 = 0;
/// Nothing.
const NOP: u8 = 1;
/// Record route.
const RECORD_ROUTE: u8 = 7;
/// Loose source route.
pub const LOOSE: u8 = 131;
/// Strict source route.
pub const STRICT: u8 = 137;
/// Where the options begin in a header.
const START: usize = 20;
/// The most octets of options.
pub const MOST: usize = 40;

/// What is to be done with a datagram after its options.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing changed.
    Unchanged,
    /// The header changed; `strict`: the next hop must be a neighbour.
    Changed {
        /// A strict source route names the next hop.
        strict: bool,
    },
    /// A malformed option, at this octet of the header.
    Malformed(u8),
    /// A source route, which is not followed here.
    Refused,
}

/// Processes the options of a header in place: the destination may change. `ours`: the destination is an
/// own address; `us(d)` is the address that we have towards `d`.
pub fn process(
    header: &mut [u8],
    ours: bool,
    follow: bool,
    us: &mut dyn FnMut(Ipv4Addr) -> Ipv4Addr,
) -> Verdict {
    let mut verdict = Verdict::Unchanged;
    let mut at = START;
    let mut seen_route = false;
    while let Some(&kind) = header.get(at) {
        match kind {
            END => break,
            NOP => {
                at += 1;
                continue;
            }
            _ => {}
        }
        let malformed = Verdict::Malformed(at as u8);
        let Some(&length) = header.get(at + 1) else {
            return malformed;
        };
        let length = usize::from(length);
        if length < 2 || at + length > header.len() {
            return malformed;
        }
        if matches!(kind, LOOSE | STRICT | RECORD_ROUTE) {
            let is_source = kind != RECORD_ROUTE;
            // Two source routes contradict each other (RFC 1122 section 3.2.1.8 (c)).
            if length < 3 || is_source && std::mem::replace(&mut seen_route, true) {
                return malformed;
            }
            let pointer = usize::from(header.get(at + 2).copied().unwrap_or_default());
            // The pointer counts from one and from the option's first octet.
            let slot = at + pointer.saturating_sub(1);
            if pointer < 4 || pointer <= length && pointer + 3 > length {
                return Verdict::Malformed((at + 2) as u8);
            }
            let full = pointer > length;
            if !full && (!is_source || ours) {
                if is_source && !follow {
                    return Verdict::Refused;
                }
                let Some(next) = header
                    .get(slot..slot + 4)
                    .and_then(|octets| octets.first_chunk::<4>())
                    .copied()
                else {
                    return malformed;
                };
                if is_source {
                    put(header, 16, next);
                }
                let towards = header
                    .get(16..)
                    .and_then(|octets| octets.first_chunk::<4>())
                    .copied();
                let own = us(Ipv4Addr::from(towards.unwrap_or_default()));
                put(header, slot, own.octets());
                if let Some(octet) = header.get_mut(at + 2) {
                    *octet += 4;
                }
                let before = matches!(verdict, Verdict::Changed { strict: true });
                verdict = Verdict::Changed {
                    strict: before || kind == STRICT,
                };
            }
        }
        at += length;
    }
    verdict
}

fn put(header: &mut [u8], at: usize, address: [u8; 4]) {
    if let Some(field) = header.get_mut(at..at + 4) {
        field.copy_from_slice(&address);
    }
}

/// The options that an answer carries (RFC 1122 section 3.2.2.6): a source route turned round, with the first
/// hop, and a record route as it came. Writes them to `options` and returns how many octets, whole
/// words, and the destination to send to first.
pub fn answer(received: &[u8], src: Ipv4Addr, options: &mut [u8; MOST]) -> (usize, Ipv4Addr) {
    let (mut len, mut first) = (0, src);
    let mut rest = received;
    while let Some(&kind) = rest.first() {
        let length = match kind {
            END => break,
            NOP => 1,
            _ => usize::from(rest.get(1).copied().unwrap_or_default()).max(2),
        };
        let (Some(option), Some(behind)) = (rest.get(..length), rest.get(length..)) else {
            break;
        };
        rest = behind;
        if length < 3 || len + length > MOST {
            continue;
        }
        let Some(to) = options.get_mut(len..len + length) else {
            break;
        };
        match kind {
            RECORD_ROUTE => to.copy_from_slice(option),
            LOOSE | STRICT => {
                // What was recorded on the way here, from the last hop to the first, and then the source.
                let recorded =
                    usize::from(option.get(2).copied().unwrap_or_default()).saturating_sub(4) / 4;
                let hops = option.get(3..).unwrap_or_default().as_chunks::<4>().0;
                let mut back = hops.iter().take(recorded).rev().copied();
                let Some(hop) = back.next() else {
                    continue;
                };
                first = hop.into();
                to.fill(0);
                if let [code, size, pointer, slots @ ..] = to {
                    (*code, *pointer) = (kind, 4);
                    let slots = slots.as_chunks_mut::<4>().0;
                    let mut used = 0;
                    for (slot, address) in slots.iter_mut().zip(back.chain([src.octets()])) {
                        *slot = address;
                        used += 1;
                    }
                    *size = 3 + 4 * used;
                    len += usize::from(*size);
                }
                continue;
            }
            _ => continue,
        }
        len += length;
    }
    while !len.is_multiple_of(4) {
        if let Some(octet) = options.get_mut(len) {
            *octet = END;
        }
        len += 1;
    }
    (len, first)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const DST: [u8; 4] = [44, 1, 1, 1];
    const US: Ipv4Addr = Ipv4Addr::new(9, 9, 9, 9);

    fn header(options: &[u8]) -> Vec<u8> {
        let mut header = vec![0; 16];
        header.extend(DST);
        header.extend(options);
        header
    }

    fn run(options: &[u8], ours: bool) -> (Verdict, Vec<u8>) {
        let mut header = header(options);
        let verdict = process(&mut header, ours, true, &mut |_| US);
        (verdict, header[16..].to_vec())
    }

    #[test]
    fn a_record_route_is_filled_to_the_last_slot() {
        let (verdict, after) = run(&[7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0], false);
        assert_eq!(verdict, Verdict::Changed { strict: false });
        assert_eq!(after[4..], [7, 11, 8, 9, 9, 9, 9, 0, 0, 0, 0, 0]);
        let (verdict, after) = run(&[7, 11, 8, 1, 2, 3, 4, 0, 0, 0, 0, 0], false);
        assert_eq!(verdict, Verdict::Changed { strict: false });
        assert_eq!(after[4..], [7, 11, 12, 1, 2, 3, 4, 9, 9, 9, 9, 0]);
        assert_eq!(
            run(&[7, 11, 12, 1, 2, 3, 4, 9, 9, 9, 9, 0], false).0,
            Verdict::Unchanged
        );
    }

    #[test]
    fn a_source_route_is_followed_where_it_is_for_us() {
        let loose = [LOOSE, 7, 4, 10, 0, 0, 1, 0];
        assert_eq!(run(&loose, false).0, Verdict::Unchanged);
        let (verdict, after) = run(&loose, true);
        assert_eq!(verdict, Verdict::Changed { strict: false });
        assert_eq!(after, [10, 0, 0, 1, LOOSE, 7, 8, 9, 9, 9, 9, 0]);
        let (verdict, _) = run(&[1, STRICT, 7, 4, 10, 0, 0, 1], true);
        assert_eq!(verdict, Verdict::Changed { strict: true });
        assert_eq!(
            run(&[LOOSE, 7, 8, 10, 0, 0, 1, 0], true).0,
            Verdict::Unchanged,
            "at its end"
        );
        let mut header = header(&loose);
        assert_eq!(
            process(&mut header, true, false, &mut |_| US),
            Verdict::Refused
        );
    }

    #[test]
    fn malformed_options_are_pointed_at() {
        for (options, pointer) in [
            (&[LOOSE, 1, 4, 0][..], 20),
            (&[1, 1, 1, 7], 23),
            (&[7, 9, 4, 0], 20),
            (&[7, 2, 1, 1], 20),
            (&[7, 4, 3, 0], 22),
            (&[7, 4, 4, 0], 22),
            (&[LOOSE, 3, 4, LOOSE, 3, 4, 0, 0], 23),
            (&[99, 0, 0, 0], 20),
        ] {
            assert_eq!(
                run(options, true).0,
                Verdict::Malformed(pointer),
                "{options:?}"
            );
        }
        assert_eq!(
            run(&[68, 4, 5, 0], true).0,
            Verdict::Unchanged,
            "time stamps pass"
        );
        assert_eq!(run(&[0, 7, 9, 9], true).0, Verdict::Unchanged);
    }

    #[test]
    fn answers_go_back_the_same_way() {
        let src = Ipv4Addr::new(1, 1, 1, 1);
        let mut options = [0xa5; MOST];
        // Source 1.1.1.1, over 2.2.2.2 and 3.3.3.3, to us.
        let received = [LOOSE, 11, 12, 2, 2, 2, 2, 3, 3, 3, 3, 0];
        let (len, first) = answer(&received, src, &mut options);
        assert_eq!(first, Ipv4Addr::new(3, 3, 3, 3));
        assert_eq!(options[..len], [LOOSE, 11, 4, 2, 2, 2, 2, 1, 1, 1, 1, 0]);
        let (len, first) = answer(&[7, 7, 8, 2, 2, 2, 2, 0], src, &mut options);
        assert_eq!(
            (first, &options[..len]),
            (src, &[7, 7, 8, 2, 2, 2, 2, 0][..])
        );
        assert_eq!(answer(&[68, 4, 5, 0], src, &mut options), (0, src));
    }

    proptest! {
        #[test]
        fn any_options(mut octets in prop::collection::vec(any::<u8>(), 0..=40), kind in 0..4usize, ours: bool) {
            if let (Some(first), Some(kind)) = (octets.first_mut(), [LOOSE, STRICT, RECORD_ROUTE].get(kind)) {
                *first = *kind;
            }
            let mut header = header(&octets);
            let len = header.len();
            let verdict = process(&mut header, ours, true, &mut |_| US);
            prop_assert_eq!(header.len(), len);
            if let Verdict::Malformed(at) = verdict {
                prop_assert!(usize::from(at) < len);
            }
            let mut options = [0; MOST];
            let (len, _) = answer(&octets, US, &mut options);
            prop_assert!(len <= MOST && len.is_multiple_of(4));
            // What is answered with can be read.
            let mut header = self::header(&options[..len]);
            process(&mut header, true, true, &mut |_| US);
        }
    }
}
