//! A node under arbitrary packets, links and times: for fuzzing.

use std::time::{Duration, Instant};

use wanbox_wire::ax25::Call;

use crate::{FlexNet, MOST_DESTINATIONS, MOST_PEERS};

/// What was found before is what would be found now.
fn check(node: &FlexNet) {
    for (call, destination) in &node.table.list {
        let mut again = destination.clone();
        again.find_best(*call, &node.peers);
        assert_eq!(again.best, destination.best, "{call}");
        assert_eq!(
            node.routes.get(call).copied(),
            node.next_hop(*call),
            "{call}"
        );
    }
    for (call, via) in &node.routes {
        assert_eq!(node.next_hop(*call), Some(*via), "{call}");
    }
}

/// Any octets: each first one says what happens, with whom, and how many octets belong to it. Nothing panics, tables
/// stay bounded, packets are no longer than a frame, and it comes to rest.
pub fn fuzz_flexnet_node(start: Instant, octets: &[u8]) {
    let mut now = start;
    let own = Call::named(*b"DB0AAA");
    let call = |number: u8| Call::named(*b"DB0AAB").with_ssid(number);
    let mut node = FlexNet::new();
    node.set_own(&[own]);
    let mut rest = octets;
    while let Some((&kind, behind)) = rest.split_first() {
        rest = behind;
        let (who, link) = (call(kind & 3), u32::from(kind >> 7));
        match kind >> 2 & 7 {
            0 => node.link_up(who, own, link, &[call(9)]),
            1 => node.link_down(who, link),
            2 => drop(node.add_link(now, who)),
            3 => drop(node.delete_link(who)),
            4 => {
                let _ = node.query(call(kind >> 4));
            }
            5 => {
                now += Duration::from_secs(u64::from(kind));
                node.handle_timeout(now);
            }
            _ => {
                let Some((&length, behind)) = rest.split_first() else {
                    break;
                };
                let (packet, behind) = behind.split_at(usize::from(length).min(behind.len()));
                rest = behind;
                node.received(now, who, own, link, &[], packet);
            }
        }
        let mut room = usize::from(kind & 0x40) / 8;
        while let Some((_, packet)) = node.poll_transmit(now, &mut |_| {
            let more = room > 0;
            room = room.saturating_sub(1);
            more
        }) {
            assert!((2..=255).contains(&packet.len()), "a packet is too long");
        }
        while node.poll_route().is_some() || node.poll_event().is_some() {}
        check(&node);
        assert!(node.peers().len() <= MOST_PEERS);
        assert!(node.table.list.len() <= MOST_DESTINATIONS);
    }
    let mut sent = 0;
    while node.poll_transmit(now, &mut |_| true).is_some() {
        sent += 1;
        assert!(sent < 10_000, "it sends without end");
    }
    assert!(!node.destination_debug_list().is_empty());
}
