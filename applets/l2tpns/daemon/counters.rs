//! The page of counters for Prometheus (text format 0.0.4).

use std::fmt::Write;

use super::forward::Forward;
use super::pump::Node;

/// A page in the making.
#[derive(Default)]
struct Page {
    text: String,
}

impl Page {
    /// Something that only grows.
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        self.metric("counter", name, help, value);
    }

    /// Something that is so now.
    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        self.metric("gauge", name, help, value);
    }

    fn metric(&mut self, kind: &str, name: &str, help: &str, value: u64) {
        // Writing to a String does not fail.
        let _ = write!(
            self.text,
            "# HELP l2tpns_{name} {help}\n# TYPE l2tpns_{name} {kind}\nl2tpns_{name} {value}\n"
        );
    }
}

impl Node {
    /// All counters.
    pub(super) fn metrics_page(&mut self, forward: &Forward) -> String {
        let edges = forward.counters();
        let mut page = Page::default();
        page.counter(
            "unsent_total",
            "Datagrams of control channels, RADIUS and answers that the kernel did not take.",
            self.unsent(),
        );
        page.counter(
            "tun_refused_total",
            "Packets of subscribers that the interface did not take.",
            edges.tun_refused,
        );
        page.counter(
            "data_unsent_total",
            "Packets for subscribers that no socket took.",
            edges.unsent,
        );
        page.counter(
            "pauses_total",
            "Times that the interface was not read because a socket was full.",
            edges.pauses,
        );
        page.counter(
            "aside_unsent_total",
            "Copies of packets and ICMP messages that the kernel did not take.",
            edges.aside_unsent,
        );
        page.counter(
            "packets_dropped_total",
            "Packets that were dropped on purpose.",
            self.engine.plane().stats().dropped_in_all(),
        );
        page.gauge(
            "sessions",
            "Sessions whose call stands.",
            self.engine.plane().len() as u64,
        );
        page.counter(
            "routes_refused_total",
            "Routes that the kernel refused to make or to delete.",
            self.counters.routes_refused,
        );
        page.counter(
            "log_lines_lost_total",
            "Log lines that could not be written.",
            self.logging.lost(),
        );
        page.gauge(
            "leaving",
            "Whether the process is about to end.",
            self.leaving.is_some().into(),
        );
        page.text
    }
}
