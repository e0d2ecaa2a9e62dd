//! What the plane gave away, as tests look at it.

use std::net::SocketAddr;

use super::{Sink, Way};

/// What left, in order.
#[derive(Default)]
pub struct Left {
    pub host: Vec<Vec<u8>>,
    pub messages: Vec<(Way, Vec<u8>)>,
    pub copies: Vec<(SocketAddr, Vec<u8>)>,
    pub icmp: Vec<Vec<u8>>,
}

impl Sink for Left {
    fn host(&mut self, packet: &[u8]) {
        self.host.push(packet.to_vec());
    }

    fn peer(
        &mut self,
        way: &Way,
        head: &[u8],
        octets: usize,
        write: impl FnOnce(&mut [u8]) -> bool,
    ) {
        let mut message = head.to_vec();
        message.resize(head.len() + octets, 0xa5);
        if write(&mut message[head.len()..]) {
            self.messages.push((*way, message));
        }
    }

    fn copy(&mut self, to: SocketAddr, packet: &[u8]) {
        self.copies.push((to, packet.to_vec()));
    }

    fn icmp(&mut self, packet: &[u8]) {
        self.icmp.push(packet.to_vec());
    }
}
