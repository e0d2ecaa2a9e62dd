//! What a command is shown.

use std::collections::BTreeMap;

use wanbox_eql_engine::{NextHop, Order, SlaveStatus, State};
use wanbox_runtime::event_loop::Loop;

use super::daemon::Daemon;
use crate::control;

impl Daemon {
    pub(super) fn status(&self, lp: &Loop) -> control::Status {
        let (config, stats) = (self.master.config(), self.master.stats());
        control::Status {
            master: self.conf.name.clone(),
            driver: "eqld".into(),
            pid: Some(std::process::id()),
            up: self.link.is_up(),
            mtu: self.link.mtu,
            scheduler: config.scheduler.name().into(),
            order: match config.order {
                Order::Free => "none",
                Order::Flow => "flow",
            }
            .into(),
            max_slaves: config.max_slaves as u64,
            min_slaves: wanbox_eql_engine::MIN_SLAVES as u64,
            sent_packets: stats.sent,
            sent_octets: Some(stats.sent_octets),
            dropped: named([
                ("no_slave", stats.no_slave),
                ("full", stats.full),
                ("length", stats.length + self.counters.cut),
                ("lost", stats.lost),
                ("failed", stats.failed),
            ]),
            slaves: self
                .master
                .slaves(lp.now())
                .map(|slave| self.slave(&slave))
                .collect(),
        }
    }

    fn slave(&self, slave: &SlaveStatus<'_>) -> control::SlaveStatus {
        let stats = &slave.stats;
        let port = self.ports.iter().find(|port| port.id == slave.id);
        control::SlaveStatus {
            name: slave.name.to_owned(),
            state: match slave.state {
                State::Up => control::SlaveState::Up,
                State::Buried => control::SlaveState::Buried,
                State::Waiting => control::SlaveState::Waiting,
            },
            rate: slave.rate.into(),
            measured_bps: slave.measured.then_some(slave.bps),
            priority: slave.bps,
            queued_packets: Some(slave.queued_packets as u64),
            queued_octets: Some(slave.queued_octets as u64),
            sent_packets: stats.sent,
            sent_octets: stats.sent_octets,
            lost: named([
                ("lost", stats.lost),
                ("lost_in_device", stats.lost_in_device),
                ("dropped", stats.dropped),
                ("failed", stats.failed),
            ]),
            events: named([
                ("moved", stats.moved),
                ("backpressure", stats.backpressure),
                ("stalls", stats.stalls),
                ("downs", stats.downs),
            ]),
            sticky: slave.sticky,
            next_hop: port.and_then(|port| port.next_hop.as_ref().map(NextHop::address)),
        }
    }
}

fn named<const N: usize>(counters: [(&str, u64); N]) -> BTreeMap<String, u64> {
    counters
        .into_iter()
        .map(|(name, count)| (name.to_owned(), count))
        .collect()
}
