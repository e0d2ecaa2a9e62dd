//! PPP: the frame header (RFC 1661 section 2, RFC 1662 section 3), the packets of its control
//! protocols (RFC 1661 section 5) and their options (section 6).
//!
//! Frames are taken without flags and FCS:
//!
//! ```text
//! address (FF) | control (03) | protocol, 2 octets or 1 | information and padding
//! control packet: code | identifier | length, 2 | data
//! option: type | length | data
//! ```

pub mod chap;
mod control;
mod frame;
pub mod multilink;
pub mod pap;
mod protocol;

pub mod ipcp;
pub mod ipv6cp;
pub mod lcp;
pub mod member;

pub use control::{Code, HEADER, Options, Packet, RawOption, Writer};
pub use frame::{ADDRESS, CONTROL, Frame, FrameRepr};
pub use protocol::Protocol;

use crate::ParseError;

/// Any octets: a frame that is accepted is written again in the forms it may have and reads the
/// same; a control packet and its options lie within it. For fuzzing and replayed tests.
pub fn fuzz_ppp(octets: &[u8]) {
    let Ok(frame) = Frame::parse(octets) else {
        return;
    };
    assert!(octets.ends_with(frame.information));
    assert!(frame.protocol.is_well_formed());
    for (acfc, pfc) in [(false, false), (false, true), (true, false), (true, true)] {
        let repr = FrameRepr {
            protocol: frame.protocol,
            acfc,
            pfc,
        };
        let mut again = vec![0xa5; repr.header_len()];
        assert_eq!(repr.emit(&mut again), Some(repr.header_len()));
        again.extend_from_slice(frame.information);
        let Ok(reparsed) = Frame::parse(&again) else {
            unreachable!("a header just written is whole");
        };
        assert_eq!(reparsed.protocol, frame.protocol);
        assert_eq!(reparsed.information, frame.information);
    }
    let Ok(packet) = Packet::parse(frame.information) else {
        return;
    };
    assert!(packet.data.len() + HEADER <= frame.information.len());
    let mut again = Vec::new();
    let mut writer = Writer::new(&mut again, packet.code, packet.identifier);
    writer.data(packet.data);
    assert_eq!(writer.finish(), Ok(()));
    assert_eq!(Packet::parse(&again), Ok(packet));
    fuzz_authentication(&packet);
    let mut covered = 0;
    let mut whole = true;
    for option in Options::new(packet.data) {
        match option {
            Ok(option) => {
                covered += option.data.len() + RawOption::HEADER;
                fuzz_option(option);
            }
            Err(_) => whole = false,
        }
    }
    assert!(covered <= packet.data.len());
    assert!(!whole || covered == packet.data.len());
}

/// An option that one of the protocols understands is written again as it was.
fn fuzz_option(option: RawOption<'_>) {
    let (mut plain, mut again) = (Vec::new(), Vec::new());
    option.append(&mut plain);
    match lcp::LcpOption::parse(option) {
        // Written without the data that nobody here understands.
        Ok(lcp::LcpOption::Authentication(lcp::AuthProtocol::Other(_))) | Err(_) => {}
        Ok(read) => {
            read.append(&mut again);
            assert_eq!(again, plain);
        }
    }
    if let Ok(read) = ipcp::IpcpOption::parse(option) {
        again.clear();
        read.append(&mut again);
        assert_eq!(again, plain);
    }
    if let Ok(read) = ipv6cp::Ipv6cpOption::parse(option) {
        again.clear();
        read.append(&mut again);
        assert_eq!(again, plain);
    }
}

/// Packets of PAP and CHAP that are accepted read the same once written.
fn fuzz_authentication(packet: &Packet<'_>) {
    let mut again = Vec::new();
    if let Ok(pap) = pap::Pap::parse(packet) {
        pap.append(packet.identifier, &mut again);
        assert_eq!(
            Packet::parse(&again).and_then(|packet| pap::Pap::parse(&packet)),
            Ok(pap)
        );
    }
    again.clear();
    if let Ok(chap) = chap::Chap::parse(packet) {
        if let chap::Chap::Response { value, .. } = chap
            && let Ok(response) = chap::MsChapV2Response::parse(value)
        {
            assert!(chap::MsChapV2Response::parse(&response.emit()) == Ok(response));
        }
        // Longer texts are cut when they are written.
        if packet.data.len() <= chap::Chap::MAX_TEXT {
            chap.append(packet.identifier, &mut again);
            assert_eq!(
                Packet::parse(&again).and_then(|packet| chap::Chap::parse(&packet)),
                Ok(chap)
            );
        }
    }
}

/// That `octets` are fewer than `need`.
fn truncated(what: &'static str, need: usize, octets: &[u8]) -> ParseError {
    ParseError::Truncated {
        what,
        need,
        have: octets.len(),
    }
}

#[cfg(test)]
mod tests;
