//! Frames of AX.25, the link layer of packet radio (AX.25 version 2.2 sections 3 and 4).
//!
//! ```text
//! destination, 7 | source, 7 | up to 8 digipeaters, 7 each | control, 1 or 2 | PID, 1, of I and UI | information
//! ```
//!
//! Frames are taken without the HDLC flags and FCS.

mod call;
mod compressed;
mod control;
mod digis;
mod header;
pub mod pid;
mod segment;
pub mod xid;

pub use call::{BadCall, Call};
pub use control::{Control, Unnumbered};
pub use digis::{Digi, Digis};
pub use header::{Class, Header};
pub use segment::Segment;
pub use xid::Xid;

use crate::lapb::{FrmrRepr, Modulo};

/// Any octets as a frame, with both moduli: what is accepted is written again, and reads the same. For fuzzing and
/// replayed tests.
pub fn fuzz_ax25(octets: &[u8]) {
    let mut again = Vec::new();
    if let Ok((header, rest)) = Header::parse(octets) {
        assert!(!header.to_string().is_empty());
        assert!(header.passed() <= header.digis.len());
        header.append(&mut again);
        assert_eq!(Header::parse(&again), Ok((header, &[][..])));
        fuzz_control(rest);
    }
    fuzz_control(octets);
}

fn fuzz_control(octets: &[u8]) {
    let mut again = Vec::new();
    for modulo in [Modulo::Eight, Modulo::OneTwentyEight] {
        let Ok((control, rest)) = Control::parse(modulo, octets) else {
            continue;
        };
        again.clear();
        control.append(modulo, &mut again);
        assert_eq!(again.len() + rest.len(), octets.len());
        assert_eq!(Control::parse(modulo, &again), Ok((control, &[][..])));
        assert!(control.to_string().starts_with(control.name()));
        if let Ok(frmr) = FrmrRepr::parse(modulo, rest) {
            let written = frmr.octets(modulo);
            assert_eq!(FrmrRepr::parse(modulo, written.as_ref()), Ok(frmr));
        }
        if let Ok(xid) = Xid::parse(rest) {
            again.clear();
            xid.append(&mut again);
            assert_eq!(Xid::parse(&again), Ok(xid));
        }
        if let Ok((segment, data)) = Segment::parse(rest) {
            assert_eq!(Some(segment.octet()), rest.first().copied());
            assert_eq!(data.len() + 1, rest.len());
        }
    }
}

#[cfg(test)]
mod tests;
