//! Every byte format that wanbox reads or writes.
//!
//! Pure functions: no I/O, no clock, no allocation needed to parse. A borrowed
//! view checks lengths once and gives typed getters; an owned `Repr` has
//! `parse`, `len` and `emit`, and `parse(emit(x)) == x`. **Parsing never panics
//! on any input** and never allocates in proportion to a length field that it
//! has not checked. Byte order is explicit at every field.

mod error;

pub mod agwpe;
pub mod api;
pub mod arp;
pub mod ax25;
pub mod cisco_hdlc;
pub mod dhcpv6;
pub mod dns;
pub mod fcs;
pub mod flexnet;
pub mod frame_relay;
pub mod ip;
pub mod kiss;
pub mod l2tp;
pub mod lapb;
pub mod lmi;
pub mod ndp;
pub mod netrom;
pub mod nsctl;
pub mod pcap;
pub mod pipemon;
pub mod ppp;
pub mod radius;
pub mod rip;
pub mod sfm;
pub mod status_map;
pub mod vj;
pub mod x25;
pub mod x25api;

pub use error::ParseError;
