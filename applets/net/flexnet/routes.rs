//! The AX.25 routes that follow from the table.

use wanbox_wire::ax25::Call;

use crate::flexnet::FlexNet;

/// The most routes: fewer than AX.25 has room for, which also learns others.
const MOST_ROUTES: usize = 4096;

impl FlexNet {
    /// A route that is other than before: a call sign, and the neighbour that it is reached through; `None`: no
    /// neighbour knows it any more. Neighbours themselves and own call signs never have one.
    pub fn poll_route(&mut self) -> Option<(Call, Option<Call>)> {
        loop {
            if let Some(route) = self.routes_changed.pop_front() {
                return Some(route);
            }
            let name = self.moved.pop_first()?;
            for ssid in 0..16 {
                let call = name.with_ssid(ssid);
                let via = self.next_hop(call);
                if via == self.routes.get(&call).copied() {
                    continue;
                }
                match via {
                    Some(_) if self.routes.len() >= MOST_ROUTES => continue,
                    Some(via) => self.routes.insert(call, via),
                    None => self.routes.remove(&call),
                };
                self.routes_changed.push_back((call, via));
            }
        }
    }

    /// The neighbour that a call sign is reached through.
    pub(crate) fn next_hop(&self, call: Call) -> Option<Call> {
        if self.own.contains(&call) || self.place(call).is_some() {
            return None;
        }
        let (_, destination) = self.table.find(call)?;
        let (place, _) = destination.best?;
        Some(self.peers.get(place)?.as_ref()?.call)
    }
}
